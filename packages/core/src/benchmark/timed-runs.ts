/** Runs of one test on a loaded engine: the same calls that a generation makes, with fixed tokens. */

import type { Engine } from "@dllama/bindings";

import { Session } from "../generation/session.ts";
import { perSecond } from "../generation/stopwatch.ts";
import { Sampler } from "../sampling/sampler.ts";
import type { BenchmarkTest } from "./cases.ts";
import type { TimeLedger } from "./time-ledger.ts";

/** Takes the best token always. */
const GREEDY = 0;

const NO_COUNTER = { add(): void {} };

export class TimedRuns {
  readonly #engine: Engine;
  readonly #vocabSize: number;
  readonly #signal: AbortSignal | undefined;
  readonly #sampler = new Sampler({ temperature: GREEDY, seed: 0 });
  /** Positions from 0 that hold the fixed tokens. */
  #filled = 0;

  constructor(engine: Engine, vocabSize: number, signal: AbortSignal | undefined) {
    this.#engine = engine;
    this.#vocabSize = vocabSize;
    this.#signal = signal;
  }

  /** Puts `depth` tokens in the KV cache, unless they are there. */
  async fill(depth: number): Promise<void> {
    if (this.#filled >= depth) return;
    const session = new Session(this.#engine, NO_COUNTER, this.#filled);
    await session.prefill(this.#ids(this.#filled, depth), GREEDY, this.#signal);
    this.#signal?.throwIfAborted();
    this.#filled = depth;
  }

  /** One run: a token to warm up, then what is timed. Returns tokens a second. */
  async run(test: BenchmarkTest, ledger: TimeLedger): Promise<number> {
    const { depth } = test;
    this.#filled = Math.min(this.#filled, depth);
    const [first = 0] = this.#ids(depth, depth + 1);
    const warmUp = new Session(this.#engine, NO_COUNTER, depth);
    const row = await warmUp.decode(first, GREEDY);
    const id = await warmUp.sample(row, this.#sampler);
    this.#signal?.throwIfAborted();
    return test.test === "prefill"
      ? this.#prefill(test.promptTokens, depth, ledger)
      : this.#decode(test.generatedTokens, depth + 1, id, ledger);
  }

  async #prefill(nTokens: number, depth: number, ledger: TimeLedger): Promise<number> {
    const ids = this.#ids(depth, depth + nTokens);
    const session = new Session(this.#engine, ledger, depth);
    const start = performance.now();
    await session.prefill(ids, GREEDY, this.#signal);
    const ms = performance.now() - start;
    this.#signal?.throwIfAborted();
    ledger.addRun(nTokens, ms);
    return perSecond(nTokens, ms);
  }

  async #decode(
    nTokens: number,
    position: number,
    first: number,
    ledger: TimeLedger,
  ): Promise<number> {
    const session = new Session(this.#engine, ledger, position);
    let id = first;
    const start = performance.now();
    for (let n = 0; n < nTokens; n++) {
      this.#signal?.throwIfAborted();
      // oxlint-disable-next-line no-await-in-loop -- each token depends on the one before
      const row = await session.decode(id, GREEDY);
      const computed = performance.now();
      // oxlint-disable-next-line no-await-in-loop -- see above
      id = await session.sample(row, this.#sampler);
      ledger.addPick(performance.now() - computed);
    }
    const ms = performance.now() - start;
    ledger.addRun(nTokens, ms);
    return perSecond(nTokens, ms);
  }

  /** Fixed ids for positions `first` to `end`, spread over the vocabulary. */
  #ids(first: number, end: number): number[] {
    return Array.from({ length: end - first }, (_, i) => ((first + i) * 31 + 1) % this.#vocabSize);
  }
}
