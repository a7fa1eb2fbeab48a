/**
 * Runs llama.cpp through node-llama-cpp's public calls, with the same fixed tokens. Timed is what is
 * llama.cpp's own: its forwards and its choice of tokens. The JavaScript between them, 0.4 ms a token,
 * is left out and told; of dllama everything counts.
 */

import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { timedTokens, tokenIds } from "./cases.mjs";
import { job, serveRuns } from "./serve-runs.mjs";

/** Rows that llama.cpp computes at once: llama-bench's default, from where on more gain nothing. */
const BATCH_SIZE = 512;

await serveRuns(async () => {
  const { install, modelPath, nThreads, contextSize } = job;
  const entry = join(install, "node_modules/node-llama-cpp/dist/index.js");
  const { getLlama, LlamaLogLevel } = await import(pathToFileURL(entry).href);
  const logLevel = LlamaLogLevel.error;
  const llama = await getLlama({ gpu: false, build: "never", maxThreads: nThreads, logLevel });
  const model = await llama.loadModel({ modelPath, useMmap: true });
  const context = await model.createContext({
    contextSize,
    batchSize: BATCH_SIZE,
    threads: nThreads,
    flashAttention: true,
    experimentalKvCacheKeyType: "F16",
    experimentalKvCacheValueType: "F16",
    // A smaller context than asked for would be no comparison.
    failedCreationRemedy: false,
    ignoreMemorySafetyChecks: true,
  });
  requireEqual("positions", context.contextSize, contextSize);
  requireEqual("flash attention", context.flashAttention, true);
  const vocabSize = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  const sequence = context.getSequence();
  const native = watchNativeCalls(context);

  async function rewind(depth) {
    const end = sequence.nextTokenIndex;
    if (end > depth) await sequence.eraseContextTokenRanges([{ start: depth, end }]);
    requireEqual("tokens in the cache", Math.min(end, depth), sequence.nextTokenIndex);
  }

  async function fill(depth) {
    await rewind(depth);
    const ids = tokenIds(sequence.nextTokenIndex, depth, vocabSize);
    if (ids.length > 0) await sequence.evaluateWithoutGeneratingNewTokens(ids);
  }

  /** The tokens' ids as they come: the first follows the last of `ids`. */
  const follow = (ids) => sequence.evaluate(ids, { temperature: 0, yieldEogToken: true });

  async function run(test) {
    const { depth } = test;
    const warmUp = follow(tokenIds(depth, depth + 1, vocabSize));
    await warmUp.next();
    if (test.test === "decode") return timed(warmUp, test.generatedTokens);
    await warmUp.return();
    await rewind(depth);
    return timed(follow(tokenIds(depth, depth + timedTokens(test), vocabSize)), 1);
  }

  /** Times `nTokens` of what an evaluation gives. */
  async function timed(tokens, nTokens) {
    native.ms = 0;
    const start = performance.now();
    // oxlint-disable-next-line no-await-in-loop -- each token depends on the one before
    for (let n = 0; n < nTokens; n++) await tokens.next();
    const leftOutMs = performance.now() - start - native.ms;
    const { ms } = native;
    await tokens.return();
    requireEqual("threads", context.currentThreads, nThreads);
    return { ms, leftOutMs };
  }

  return { isa: null, runner: { fill, run } };
});

/** Counts the time inside llama.cpp's forward and sampler, whatever node-llama-cpp adds to it. */
function watchNativeCalls(context) {
  const watched = { ms: 0 };
  // oxlint-disable-next-line no-underscore-dangle -- internal, of a version that is pinned
  const addon = context._ctx;
  for (const name of ["decodeBatch", "sampleToken"]) {
    const call = addon[name].bind(addon);
    const timed = async (...args) => {
      const start = performance.now();
      const result = await call(...args);
      watched.ms += performance.now() - start;
      return result;
    };
    // The addon's methods cannot be assigned to.
    Object.defineProperty(addon, name, { value: timed });
  }
  return watched;
}

function requireEqual(what, got, expected) {
  if (got !== expected) throw new Error(`expected ${what} of llama.cpp: ${expected}, got ${got}`);
}
