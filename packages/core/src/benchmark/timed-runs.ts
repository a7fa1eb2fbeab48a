/** Runs of one test on a loaded engine: the same calls that a generation makes, with fixed tokens. */

import type { Engine } from "@dllama/bindings";

import { SequenceBatch } from "../generation/sequence-batch.ts";
import { Session, unrecoverable } from "../generation/session.ts";
import type { ForwardCounter } from "../generation/session.ts";
import { perSecond } from "../generation/stopwatch.ts";
import { Sampler } from "../sampling/sampler.ts";
import { testSequences } from "./cases.ts";
import type { BenchmarkTest, DecodeTest } from "./cases.ts";
import type { TimeLedger } from "./time-ledger.ts";

/** Takes the best token always. */
const GREEDY = 0;

const NO_COUNTER = { add(): void {} };

export class TimedRuns {
  readonly #engine: Engine;
  readonly #vocabSize: number;
  readonly #signal: AbortSignal | undefined;
  readonly #sampler = new Sampler({ temperature: GREEDY, seed: 0 });
  /** Of each sequence, positions from 0 that hold the fixed tokens. */
  readonly #filled: number[] = [];

  constructor(engine: Engine, vocabSize: number, signal: AbortSignal | undefined) {
    this.#engine = engine;
    this.#vocabSize = vocabSize;
    this.#signal = signal;
  }

  /** Puts a test's depth of tokens in the KV cache of its sequences, unless they are there. */
  async fill(test: BenchmarkTest): Promise<void> {
    const { depth } = test;
    for (let sequence = 0; sequence < testSequences(test); sequence++) {
      const filled = this.#filled[sequence] ?? 0;
      if (filled >= depth) continue;
      const session = this.#session(NO_COUNTER, filled, sequence);
      const ids = this.#ids(filled, depth, sequence);
      // oxlint-disable-next-line no-await-in-loop -- an engine computes one forward at a time
      await session.prefill(ids, GREEDY);
      this.#signal?.throwIfAborted();
      this.#filled[sequence] = depth;
    }
  }

  /** One run: a token of each sequence to warm up, then what is timed. Returns tokens a second. */
  async run(test: BenchmarkTest, ledger: TimeLedger): Promise<number> {
    const { depth } = test;
    const sequences = Array.from({ length: testSequences(test) }, (_, sequence) => sequence);
    for (const one of sequences) this.#filled[one] = Math.min(this.#filled[one] ?? 0, depth);
    const warmUp = new SequenceBatch(this.#engine, NO_COUNTER, depth);
    const first = sequences.flatMap((sequence) => this.#ids(depth, depth + 1, sequence));
    const rows = await warmUp.decode(first, GREEDY);
    const ids = await warmUp.sample(rows, this.#sampler);
    this.#signal?.throwIfAborted();
    return test.test === "prefill"
      ? this.#prefill(test.promptTokens, depth, ledger)
      : this.#decode(test, ids, ledger);
  }

  async #prefill(nTokens: number, depth: number, ledger: TimeLedger): Promise<number> {
    const ids = this.#ids(depth, depth + nTokens, 0);
    const session = this.#session(ledger, depth, 0);
    const start = performance.now();
    await session.prefill(ids, GREEDY);
    const ms = performance.now() - start;
    this.#signal?.throwIfAborted();
    ledger.addRun(nTokens, ms);
    return perSecond(nTokens, ms);
  }

  /** Goes on from `first`, the token of each sequence that follows the one that warmed up. */
  async #decode(test: DecodeTest, first: number[], ledger: TimeLedger): Promise<number> {
    const batch = new SequenceBatch(this.#engine, ledger, test.depth + 1);
    let ids = first;
    const start = performance.now();
    for (let n = 0; n < test.generatedTokens; n++) {
      this.#signal?.throwIfAborted();
      // oxlint-disable-next-line no-await-in-loop -- each token depends on the one before
      const rows = await batch.decode(ids, GREEDY);
      const computed = performance.now();
      // oxlint-disable-next-line no-await-in-loop -- see above
      ids = await batch.sample(rows, this.#sampler);
      ledger.addPick(performance.now() - computed);
    }
    const nTokens = test.generatedTokens * test.sequences;
    const ms = performance.now() - start;
    ledger.addRun(nTokens, ms);
    return perSecond(nTokens, ms);
  }

  /** A benchmark that goes on after a loss would measure something else. */
  #session(counter: ForwardCounter, position: number, sequence: number): Session {
    const options = { position, sequence, signal: this.#signal };
    return new Session(unrecoverable(this.#engine), counter, options);
  }

  /** A sequence's fixed ids for positions `first` to `end`, spread over the vocabulary. */
  #ids(first: number, end: number, sequence: number): number[] {
    const id = (position: number): number => (position * 31 + sequence * 17 + 1) % this.#vocabSize;
    return Array.from({ length: end - first }, (_, i) => id(first + i));
  }
}
