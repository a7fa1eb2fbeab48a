/** Runs dllama's library the way a generation does, with fixed tokens in place of a prompt's. */

import { Session, unrecoverable } from "../../../packages/core/dist/generation/session.js";
import { loadModel } from "../../../packages/core/dist/index.js";
import { Sampler } from "../../../packages/core/dist/sampling/sampler.js";
import { timedTokens, tokenIds } from "./cases.mjs";
import { job, serveRuns } from "./serve-runs.mjs";

const GREEDY = 0;
const NO_COUNTER = { add() {} };

await serveRuns(async () => {
  const { modelPath, nThreads, contextSize } = job;
  const model = await loadModel({
    path: modelPath,
    nthreads: nThreads,
    maxSeqLen: contextSize,
    kvCacheType: "f16",
  });
  const { engine, info } = model;
  const sampler = new Sampler({ temperature: GREEDY, seed: 0 });
  const ids = (first, end) => tokenIds(first, end, info.vocabSize);
  const sessionAt = (position) => new Session(unrecoverable(engine), NO_COUNTER, { position });
  /** Positions from 0 that hold the fixed tokens. */
  let filled = 0;

  async function fill(depth) {
    if (filled < depth) {
      const session = sessionAt(filled);
      await session.prefill(ids(filled, depth), GREEDY);
    }
    filled = depth;
  }

  async function run(test) {
    const { depth } = test;
    const end = depth + timedTokens(test);
    // Threads that had nothing to do for a while are asleep.
    const warmUp = sessionAt(depth);
    const row = await warmUp.decode(ids(depth, depth + 1)[0], GREEDY);
    const id = await warmUp.sample(row, sampler);
    return test.test === "prefill"
      ? timed(() => prefill(depth, ids(depth, end)))
      : timed(() => decode(depth + 1, id, test.generatedTokens));
  }

  async function prefill(position, prompt) {
    const session = sessionAt(position);
    await session.sample(await session.prefill(prompt, GREEDY), sampler);
  }

  async function decode(position, first, nTokens) {
    const session = sessionAt(position);
    let id = first;
    for (let n = 0; n < nTokens; n++) {
      // oxlint-disable-next-line no-await-in-loop -- each token depends on the one before
      id = await session.sample(await session.decode(id, GREEDY), sampler);
    }
  }

  return { isa: info.isa, runner: { fill, run } };
});

async function timed(work) {
  const start = performance.now();
  await work();
  return { ms: performance.now() - start };
}
