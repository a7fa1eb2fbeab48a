/** One sequence on an engine: its tokens in, candidates out, figures counted. */

import type { Engine, ForwardResult, ForwardRow, RowClass, RowResult } from "@dllama/bindings";

import { DllamaError } from "../errors.ts";
import { fromNative } from "../native-error.ts";
import type { Sampler } from "../sampling/sampler.ts";

/**
 * Rows of a prefill chunk. Chunks begin at fixed multiples of it, so that a replay makes the same
 * ones; 64 rows amortise a pass over the weights, at 0.25 MB of buffers a row for Llama 2 7B.
 */
export const PREFILL_CHUNK = 64;

/** Is told of each forward. */
export interface ForwardCounter {
  add(result: ForwardResult): void;
}

export class Session {
  readonly #engine: Engine;
  readonly #counter: ForwardCounter;
  readonly #sequence: number;
  /** Positions that are in the KV cache. */
  #position: number;

  /**
   * `position`: how many of the sequence's first tokens an earlier session has left in the cache;
   * `sequence`: which of those that the Program holds.
   */
  constructor(engine: Engine, counter: ForwardCounter, position = 0, sequence = 0) {
    this.#engine = engine;
    this.#counter = counter;
    this.#position = position;
    this.#sequence = sequence;
  }

  get position(): number {
    return this.#position;
  }

  /**
   * Feeds a prompt in chunks and returns what follows its last token; undefined if `signal` is
   * aborted before the end.
   */
  async prefill(
    ids: number[],
    temperature: number,
    signal: AbortSignal | undefined,
  ): Promise<RowResult | undefined> {
    let last: RowResult | undefined;
    for (let first = 0; first < ids.length; first += PREFILL_CHUNK) {
      if (signal?.aborted === true) return undefined;
      const chunk = ids.slice(first, first + PREFILL_CHUNK);
      const isLast = first + chunk.length === ids.length;
      // oxlint-disable-next-line no-await-in-loop -- each chunk attends to those before it
      const result = await this.#forward("fast", chunk, isLast, temperature);
      last = result.rows[0];
    }
    return last;
  }

  /** Feeds one generated token and returns what follows it. */
  async decode(id: number, temperature: number): Promise<RowResult> {
    const { rows } = await this.#forward("exact", [id], true, temperature);
    if (rows[0] === undefined) throw new DllamaError("INTERNAL", "a forward gave no candidates");
    return rows[0];
  }

  /** The next token's id. The whole row of logits is fetched only if the sampler needs it. */
  async sample(row: RowResult, sampler: Sampler): Promise<number> {
    const id = sampler.pick(row);
    return id ?? sampler.pickFull(await fromNative(this.#engine.fullRow(0)));
  }

  async #forward(
    rowClass: RowClass,
    ids: number[],
    wantsLast: boolean,
    temperature: number,
  ): Promise<ForwardResult> {
    const rows = ids.map((token, index): ForwardRow => {
      const want = wantsLast && index === ids.length - 1 ? "candidates" : "none";
      const position = this.#position + index;
      return { token, position, sequence: this.#sequence, want, temperature };
    });
    const result = await fromNative(this.#engine.forward(rowClass, rows));
    this.#position += ids.length;
    this.#counter.add(result);
    return result;
  }
}
