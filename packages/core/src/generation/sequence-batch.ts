/** Several sequences that go on together: one forward computes the next token of each. */

import type { Engine, ForwardRow, RowResult } from "@dllama/bindings";

import { DllamaError } from "../errors.ts";
import { fromNative } from "../native-error.ts";
import type { Sampler } from "../sampling/sampler.ts";
import { requireFinite } from "./require-finite.ts";
import type { ForwardCounter } from "./session.ts";

export class SequenceBatch {
  readonly #engine: Engine;
  readonly #counter: ForwardCounter;
  /** Positions of each sequence that are in the KV cache. */
  #position: number;

  /** `position`: how many of each sequence's first tokens are in the cache. */
  constructor(engine: Engine, counter: ForwardCounter, position: number) {
    this.#engine = engine;
    this.#counter = counter;
    this.#position = position;
  }

  /** Feeds token `n` to sequence `n`, and returns what follows each: the bits that it has alone. */
  async decode(ids: readonly number[], temperature: number): Promise<RowResult[]> {
    const position = this.#position;
    const rows = ids.map((token, sequence): ForwardRow => ({
      token,
      position,
      sequence,
      want: "candidates",
      temperature,
    }));
    const result = await fromNative(this.#engine.forward("exact", rows).then(requireFinite));
    const results = result.rows.filter((row) => row !== undefined);
    if (results.length !== ids.length) {
      throw new DllamaError("INTERNAL", "a forward gave no candidates");
    }
    this.#position++;
    this.#counter.add(result);
    return results;
  }

  /** The next token's id of each sequence. */
  async sample(rows: readonly RowResult[], sampler: Sampler): Promise<number[]> {
    const ids: number[] = [];
    for (const [index, row] of rows.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- seldom awaits at all
      ids.push(
        sampler.pick(row) ??
          (await sampler.pickFull(await fromNative(this.#engine.fullRow(index)))),
      );
    }
    return ids;
  }
}
