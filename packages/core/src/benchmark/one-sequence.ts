/** What several sequences at a time gain over one. */

import type { BenchmarkTest } from "./cases.ts";

/** Remembers the rates of one sequence, which are measured before those of several. */
export class OneSequence {
  /** Tokens a second by depth and length. */
  readonly #rates = new Map<string, number>();

  /** By what `tokensPerSecond` exceeds that of one sequence in the same test; null if there is none. */
  factor(test: BenchmarkTest, tokensPerSecond: number): number | null {
    if (test.test === "prefill") return null;
    const key = `${test.depth} ${test.generatedTokens}`;
    if (test.sequences === 1) {
      this.#rates.set(key, tokensPerSecond);
      return null;
    }
    const rate = this.#rates.get(key) ?? 0;
    return rate > 0 ? tokensPerSecond / rate : null;
  }
}
