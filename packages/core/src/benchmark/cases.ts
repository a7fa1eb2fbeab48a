/** What is measured. */

/** A prompt of so many tokens, in the chunks that a generation computes it in. */
export interface PrefillTest {
  test: "prefill";
  promptTokens: number;
  /** Tokens that are in the KV cache before. */
  depth: number;
}

/** So many tokens one after another, each chosen from the logits of the one before. */
export interface DecodeTest {
  test: "decode";
  generatedTokens: number;
  depth: number;
}

export type BenchmarkTest = PrefillTest | DecodeTest;

export interface TestLists {
  /** Prompts, by their tokens. */
  promptTokens: readonly number[];
  /** Generations, by their tokens. */
  generatedTokens: readonly number[];
  /** Tokens before either. */
  depths: readonly number[];
}

/** Every prompt and every generation at every depth, each once; zero tokens stand for no test. */
export function planTests({ promptTokens, generatedTokens, depths }: TestLists): BenchmarkTest[] {
  const lengths = (list: readonly number[]): number[] => [...new Set(list)].filter((n) => n > 0);
  // Ascending, so that what is in the cache for one depth is the beginning of the next.
  const ascending = [...new Set(depths)].toSorted((a, b) => a - b);
  return ascending.flatMap((depth): BenchmarkTest[] => [
    ...lengths(promptTokens).map((n) => ({ test: "prefill" as const, promptTokens: n, depth })),
    ...lengths(generatedTokens).map((n) => ({
      test: "decode" as const,
      generatedTokens: n,
      depth,
    })),
  ]);
}

/** Tokens that are timed. */
export function testTokens(test: BenchmarkTest): number {
  return test.test === "prefill" ? test.promptTokens : test.generatedTokens;
}

/** Positions that the KV cache needs for all of them: decode begins with a token that warms up. */
export function positionsNeeded(tests: readonly BenchmarkTest[]): number {
  return Math.max(1, ...tests.map((test) => test.depth + testTokens(test) + 1));
}
