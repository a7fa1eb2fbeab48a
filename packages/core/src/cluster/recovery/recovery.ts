/**
 * What a generation does when a rank is gone: it asks for an engine to go on with, and tells of the pause.
 *
 * An outage begins with a loss and ends when a forward succeeds again, whatever is lost in between: a
 * worker that goes as often as it comes uses up the time to wait like one that stays away.
 */

import type { Engine } from "@dllama/bindings";

import { DllamaError } from "../../errors.ts";
import type { Ranks } from "../ranks.ts";
import { lossOf } from "./loss.ts";
import type { Loss } from "./loss.ts";

/** What happens when a rank is gone. */
export type OnLost = "wait" | "replan" | "fail";

export interface LossOptions {
  /**
   * `wait` reconnects and goes on with the same text, `replan` shares the model over the ranks that are
   * left and goes on with a text of its own, `fail` ends the generation. Defaults to `wait`.
   */
  onLost?: OnLost | undefined;
  /** How long `wait` waits for a worker to come back. Defaults to `60000`. */
  onLostTimeoutMs?: number | undefined;
}

/** The load or the text pauses, or goes on. */
export type ClusterEvent =
  | { type: "lost"; rank: number; address: string; reason: string; onLost: OnLost }
  | { type: "recovered"; rank: number; address: string; afterMs: number; worldSize: number };

export interface Listener {
  signal: AbortSignal | undefined;
  onEvent: ((event: ClusterEvent) => void) | undefined;
}

interface Outage {
  since: number;
  loss: Loss;
}

export const DEFAULT_ON_LOST_TIMEOUT_MS = 60_000;
/** The signal of who cannot be stopped. */
export const NEVER: AbortSignal = new AbortController().signal;

/** @throws DllamaError INVALID_ARGUMENT */
export function requireLossOptions({ onLost, onLostTimeoutMs: ms }: LossOptions): void {
  const known: readonly unknown[] = ["wait", "replan", "fail", undefined];
  if (!known.includes(onLost)) {
    throw new DllamaError(
      "INVALID_ARGUMENT",
      `expected onLost of wait, replan or fail, got ${onLost}`,
    );
  }
  if (ms !== undefined && !(ms >= 0)) {
    throw new DllamaError("INVALID_ARGUMENT", `expected onLostTimeoutMs of 0 or more, got ${ms}`);
  }
}

export class Recovery {
  readonly #ranks: Ranks;
  readonly #onLost: OnLost;
  readonly #timeoutMs: number;
  readonly #listener: Listener;
  #outage: Outage | undefined;

  constructor(ranks: Ranks, options: LossOptions, listener: Listener) {
    this.#ranks = ranks;
    this.#onLost = options.onLost ?? "wait";
    this.#timeoutMs = options.onLostTimeoutMs ?? DEFAULT_ON_LOST_TIMEOUT_MS;
    this.#listener = listener;
  }

  get engine(): Engine {
    return this.#ranks.engine;
  }

  /**
   * An engine with an empty KV cache in place of the one that failed with `error`.
   *
   * @throws `error` if it is no loss, or a loss that is to end the generation; the signal's reason.
   */
  async recover(error: unknown): Promise<Engine> {
    const loss = lossOf(error) ?? this.#ranks.earlierLoss(error);
    if (loss === undefined) throw error;
    this.#ranks.noteLoss(loss);
    const { rank, address } = loss;
    const onLost = this.#onLost;
    this.#listener.onEvent?.({ type: "lost", rank, address, reason: loss.error.message, onLost });
    if (onLost === "fail") throw loss.error;
    this.#outage ??= { since: performance.now(), loss };
    const { signal = NEVER } = this.#listener;
    if (onLost === "replan") await this.#ranks.replan(loss, signal);
    else {
      await this.#ranks.reconnect(loss.error, this.#outage.since + this.#timeoutMs, signal);
    }
    return this.#ranks.engine;
  }

  get isRecovering(): boolean {
    return this.#outage !== undefined;
  }

  noteLoss(error: unknown): void {
    const loss = lossOf(error);
    if (loss !== undefined) this.#ranks.noteLoss(loss);
  }

  /** The text goes on. */
  recovered(): void {
    if (this.#outage === undefined) return;
    const { since, loss } = this.#outage;
    this.#outage = undefined;
    const { rank, address } = loss;
    const afterMs = performance.now() - since;
    const { worldSize } = this.#ranks;
    this.#listener.onEvent?.({ type: "recovered", rank, address, afterMs, worldSize });
  }
}
