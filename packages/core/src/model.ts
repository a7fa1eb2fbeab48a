/** A loaded model. */

import type { Engine, RankDigest, Waiting } from "@dllama/bindings";

import type { Ranks } from "./cluster/ranks.ts";
import { Recovery } from "./cluster/recovery/recovery.ts";
import type { Listener, LossOptions } from "./cluster/recovery/recovery.ts";
import type { SessionPlan } from "./cluster/session-plan.ts";
import { Generation } from "./generation/generation.ts";
import type { GenerateOptions } from "./generation/types.ts";
import { fromNative } from "./native-error.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

export interface ModelInfo {
  path: string;
  name: string;
  /** Ranks that share the model: the root and its workers. */
  worldSize: number;
  /** Threads of the root. */
  nthreads: number;
  /** The root's instruction set. */
  isa: string;
  /** What the ranks have agreed on; undefined for one rank alone. */
  plan: SessionPlan | undefined;
  /** Positions that a prompt and its continuation may have. */
  seqLen: number;
  /** Positions that the model was trained on. */
  contextLength: number;
  vocabSize: number;
  /** The float type of most weights. */
  weightsFloatType: string;
  /** Bytes of all weights. */
  weightBytes: number;
}

/** What stays as it is, whatever is lost. */
type FixedInfo = Omit<ModelInfo, "worldSize" | "plan" | "isa">;

/** A model on this device and its workers, until it is disposed of or collected. */
export class Model {
  readonly tokenizer: Tokenizer;
  readonly #info: FixedInfo;
  readonly #ranks: Ranks;
  readonly #onLoss: LossOptions;
  /** Resolves when the last generation that asked for a turn is done. */
  #lastTurn: Promise<void> = Promise.resolve();

  constructor(ranks: Ranks, tokenizer: Tokenizer, info: FixedInfo, onLoss: LossOptions) {
    this.tokenizer = tokenizer;
    this.#ranks = ranks;
    this.#info = info;
    this.#onLoss = onLoss;
  }

  /** Ranks and plan as they are now: a loss may have changed them. */
  get info(): ModelInfo {
    const { worldSize, plan, engine } = this.#ranks;
    return { ...this.#info, worldSize, plan, isa: engine.isa };
  }

  /** The layer below, for what `generate` does not offer: rows in, candidates out. */
  get engine(): Engine {
    return this.#ranks.engine;
  }

  /**
   * Goes on from a prompt. Generations of one model take turns.
   *
   * @throws DllamaError INVALID_ARGUMENT for an option out of range. The iteration throws
   * CONTEXT_EXCEEDED for a prompt that does not fit, PEER_LOST as `onLost` says, NUMBER_NOT_FINITE for this
   * generation alone, with layer and op, and the engine's other errors.
   */
  generate(prompt: string, options: GenerateOptions = {}): Generation {
    const context = {
      computer: (listener: Listener) => new Recovery(this.#ranks, this.#onLoss, listener),
      tokenizer: this.tokenizer,
      shares: () => this.#ranks.shares,
      fitted: () => this.#ranks.fitted,
      seqLen: this.#info.seqLen,
      takeTurn: () => this.#takeTurn(),
    };
    return new Generation(context, prompt, options);
  }

  /** Fingerprints of all ranks' state after the last forward: equal ones mean equal bits. */
  digests(): Promise<RankDigest[]> {
    return fromNative(this.engine.digests());
  }

  /**
   * Frees the workers and all memory, after what is under way. Who waits for a recovery is told at once; the
   * attempt to connect that is under way ends within seconds.
   */
  dispose(): Promise<void> {
    return this.#ranks.dispose();
  }

  /** Whom the forward under way waits for; null while it computes, or none is. */
  waiting(): Waiting | null {
    return this.engine.waiting();
  }

  async #takeTurn(): Promise<() => void> {
    const before = this.#lastTurn;
    let free = (): void => {};
    this.#lastTurn = new Promise((resolve) => (free = resolve));
    await before;
    return free;
  }
}
