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
  /** Of each sequence. */
  generatedTokens: number;
  /** Sequences that each forward computes a row of, each with a KV cache of its own. */
  sequences: number;
  depth: number;
}

export type BenchmarkTest = PrefillTest | DecodeTest;

export interface TestLists {
  /** Prompts, by their tokens. */
  promptTokens: readonly number[];
  /** Generations, by their tokens. */
  generatedTokens: readonly number[];
  /** Sequences of a generation at a time. Defaults to one. */
  sequences?: readonly number[] | undefined;
  /** Tokens before either. */
  depths: readonly number[];
}

/** Every prompt and every generation at every depth, each once; zero tokens stand for no test. */
export function planTests(lists: TestLists): BenchmarkTest[] {
  const lengths = (list: readonly number[]): number[] => [...new Set(list)].filter((n) => n > 0);
  const ascending = (list: readonly number[]): number[] =>
    [...new Set(list)].toSorted((a, b) => a - b);
  // What is in the cache for one depth is the beginning of the next.
  return ascending(lists.depths).flatMap((depth): BenchmarkTest[] => [
    ...lengths(lists.promptTokens).map((promptTokens): PrefillTest => ({
      test: "prefill",
      promptTokens,
      depth,
    })),
    // One sequence comes before several, which are compared with it.
    ...lengths(lists.generatedTokens).flatMap((generatedTokens) =>
      ascending(lists.sequences ?? [1]).map((sequences): DecodeTest => ({
        test: "decode",
        generatedTokens,
        sequences,
        depth,
      })),
    ),
  ]);
}

/** Sequences that a test has at a time. */
export function testSequences(test: BenchmarkTest): number {
  return test.test === "prefill" ? 1 : test.sequences;
}

/** Tokens of each sequence that are timed. */
export function testTokens(test: BenchmarkTest): number {
  return test.test === "prefill" ? test.promptTokens : test.generatedTokens;
}

/** Positions that the KV cache needs for all of them: decode begins with a token that warms up. */
export function positionsNeeded(tests: readonly BenchmarkTest[]): number {
  return Math.max(1, ...tests.map((test) => test.depth + testTokens(test) + 1));
}
