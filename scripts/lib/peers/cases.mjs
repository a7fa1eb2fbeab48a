/**
 * What is measured.
 *
 * @typedef {object} Case
 * @property {"prefill" | "decode"} test
 * @property {number} [promptTokens] of prefill: tokens that are timed
 * @property {number} [generatedTokens] of decode: tokens that are timed
 * @property {number} depth tokens that are in the KV cache before
 */

/** llama.cpp rounds a context up to a multiple of this; ours then gets the same. */
const CONTEXT_STEP = 256;

/**
 * Every test at every depth. Depths ascend, so that what is in the cache for one is the beginning of
 * the next.
 *
 * @returns {Case[]}
 */
export function planCases({ tests, promptTokens, generatedTokens, depths }) {
  const prefill = tests.includes("prefill") ? promptTokens : [];
  const decode = tests.includes("decode") ? generatedTokens : [];
  return [...depths]
    .toSorted((a, b) => a - b)
    .flatMap((depth) => [
      ...prefill.map((n) => ({ test: "prefill", promptTokens: n, depth })),
      ...decode.map((n) => ({ test: "decode", generatedTokens: n, depth })),
    ]);
}

/** Tokens of one run that are timed. */
export function timedTokens({ promptTokens, generatedTokens }) {
  return promptTokens ?? generatedTokens;
}

/** Positions that both sides' KV caches have. */
export function contextSize(cases) {
  // Decode begins with a token that warms up.
  const needed = Math.max(...cases.map((one) => one.depth + timedTokens(one) + 1));
  return Math.ceil(needed / CONTEXT_STEP) * CONTEXT_STEP;
}

/**
 * The fixed token ids of some positions, spread over the vocabulary: both sides get the same.
 *
 * @param {number} first a position
 * @param {number} end the position after the last
 */
export function tokenIds(first, end, vocabSize) {
  return Array.from({ length: end - first }, (_, n) => ((first + n) * 31 + 1) % vocabSize);
}
