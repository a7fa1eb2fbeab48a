/** The ranks that a model is on: an engine, and another one in its place after a loss. */

import type { Engine } from "@dllama/bindings";

import { DllamaError } from "../errors.ts";
import { fromNative } from "../native-error.ts";
import type { FittedSplit } from "./held-back.ts";
import type { SessionPlan } from "./session-plan.ts";
import type { Loss } from "./recovery/loss.ts";
import { shareOverThoseLeft } from "./recovery/replan.ts";
import { unlessAborted } from "./recovery/unless-aborted.ts";
import { waitForWorkers } from "./recovery/wait.ts";

/** An engine with what it was made from. */
export interface LoadedRanks {
  engine: Engine;
  /** `host:port`; the first is rank 1. */
  workers: readonly string[];
  plan: SessionPlan | undefined;
  /** Values of the shared weights that each rank has. */
  shares: readonly number[];
  /** Which split there is memory for. */
  fitted: FittedSplit;
}

export class Ranks {
  #loaded: LoadedRanks;
  readonly #load: (workers: readonly string[]) => Promise<LoadedRanks>;
  /** A load in another's place that nobody may wait for any more. */
  #underWay: Promise<unknown> = Promise.resolve();
  /** What ended the engine, unless another has taken its place. */
  #loss: Loss | undefined;
  readonly #disposed = new AbortController();

  /** `load` shares the same model over other workers. */
  constructor(loaded: LoadedRanks, load: (workers: readonly string[]) => Promise<LoadedRanks>) {
    this.#loaded = loaded;
    this.#load = load;
  }

  get engine(): Engine {
    return this.#loaded.engine;
  }

  get worldSize(): number {
    return this.#loaded.workers.length + 1;
  }

  get plan(): SessionPlan | undefined {
    return this.#loaded.plan;
  }

  get shares(): readonly number[] {
    return this.#loaded.shares;
  }

  get fitted(): FittedSplit {
    return this.#loaded.fitted;
  }

  /** Remembers why the engine has ended: it only says so to the forwards that follow. */
  noteLoss(loss: Loss): void {
    this.#loss = loss;
  }

  /** The loss behind the error of an engine that had ended before. */
  earlierLoss(error: unknown): Loss | undefined {
    const hasEnded = error instanceof DllamaError && error.code === "DISPOSED";
    return hasEnded && !this.#disposed.signal.aborted ? this.#loss : undefined;
  }

  /** Until all workers are back, with the same plan. */
  async reconnect(loss: DllamaError, deadline: number, signal: AbortSignal): Promise<void> {
    const connect = (patienceMs: number) => fromNative(this.engine.reconnect(patienceMs));
    await waitForWorkers(connect, loss, deadline, this.#orDisposed(signal));
    this.#loss = undefined;
  }

  /** Over the workers that are left, with another split. */
  async replan(loss: Loss, signal: AbortSignal): Promise<void> {
    // One that was given up may still be loading, with the memory and the workers that are needed.
    const before = this.#loaded;
    await unlessAborted(this.#underWay, this.#orDisposed(signal));
    if (this.#loaded !== before) return;
    const { workers } = before;
    // Its weights make room for those of the next split.
    await fromNative(this.engine.dispose());
    const load = async (left: readonly string[]): Promise<void> => {
      const loading = this.#replace(left);
      this.#underWay = loading.catch(() => {});
      await loading;
    };
    await shareOverThoseLeft(workers, loss, load, this.#orDisposed(signal));
  }

  /**
   * Frees the workers and all memory, after what is under way. Who waits for a recovery is told at once; the
   * attempt to connect that is under way ends within seconds.
   */
  async dispose(): Promise<void> {
    this.#disposed.abort(new DllamaError("DISPOSED", "this model has been disposed of"));
    await fromNative(this.engine.dispose());
  }

  async #replace(workers: readonly string[]): Promise<void> {
    const loaded = await this.#load(workers);
    this.#loaded = loaded;
    this.#loss = undefined;
    if (this.#disposed.signal.aborted) await fromNative(loaded.engine.dispose());
  }

  #orDisposed(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#disposed.signal]);
  }
}
