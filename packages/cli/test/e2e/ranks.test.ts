/**
 * One model over 1 to 8 ranks, in real worker processes: the same text where only the order of f32
 * sums differs, logits within a derived bound and the same likelihood where Q80 is on the wire, and
 * the same bits on all ranks in every case.
 */

import { convert } from "@dllama/converter";
import { embeddedModelPath, loadModel } from "@dllama/core";
import type { Model } from "@dllama/core";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { largestDifference, logitBound } from "../support/bounds.ts";
import { ReferenceWeights } from "../support/reference-weights.ts";
import { allLogits, expected, fixtures, greedyIds, meanNll } from "../support/story.ts";
import { folder, startWorker } from "./harness.ts";

const WORLD_SIZES = [2, 3, 4, 5, 7, 8];
/** Logits are compared over these; likelihood and text over the whole story. */
const N_COMPARED = 64;

const story = expected.story_ids;
const q40Path = `${folder}/q40.gguf`;

interface Setting {
  name: string;
  path: string;
  bufferFloatType: "q80" | "f32";
  kvCacheType: "f16" | "f32";
}

const settings: Setting[] = [
  { name: "f32", path: embeddedModelPath, bufferFloatType: "f32", kvCacheType: "f32" },
  {
    name: "f32 with q80 buffers",
    path: embeddedModelPath,
    bufferFloatType: "q80",
    kvCacheType: "f32",
  },
  { name: "q40 with f32 buffers", path: q40Path, bufferFloatType: "f32", kvCacheType: "f16" },
  { name: "q40 with q80 buffers", path: q40Path, bufferFloatType: "q80", kvCacheType: "f16" },
];

let workers: Awaited<ReturnType<typeof startWorker>>[] = [];

test.before(async () => {
  await convert({ folder: `${fixtures}stories260K/meta`, type: "q40", output: q40Path });
  workers = await Promise.all(
    Array.from({ length: Math.max(...WORLD_SIZES) - 1 }, () => startWorker()),
  );
});

test.after(async () => {
  for (const { program } of workers) program.kill("SIGTERM");
  await Promise.all(workers.map(({ program }) => program.ended));
});

async function withRanks<T>(
  { path, bufferFloatType, kvCacheType }: Setting,
  worldSize: number,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  const model = await loadModel({
    path,
    workers: workers.slice(0, worldSize - 1).map(({ address }) => address),
    nthreads: 1,
    // What is compared are worlds, not what a busy machine measures.
    split: "equal",
    bufferFloatType,
    kvCacheType,
  });
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}

async function requireEqualBits(model: Model): Promise<void> {
  const digests = await model.digests();
  assert.is(digests.length, model.info.worldSize);
  for (const { replicated } of digests) assert.is(replicated, digests[0]?.replicated);
}

for (const setting of settings) {
  const { name, path, bufferFloatType, kvCacheType } = setting;
  const isLossless = name === "f32";
  test(`${name}: as many ranks, as good a text`, async () => {
    const alone = await withRanks(setting, 1, (model) => allLogits(model, story));
    const weights = await ReferenceWeights.read(path);
    for (const worldSize of WORLD_SIZES) {
      // oxlint-disable-next-line no-await-in-loop -- the same workers serve one root after another
      const logits = await withRanks(setting, worldSize, async (model) => {
        const rows = await allLogits(model, story);
        await requireEqualBits(model);
        if (isLossless) {
          const ids = await greedyIds(model, expected.prompt, 200);
          assert.equal(ids, expected.meta.greedy_ids, `${worldSize} ranks`);
          await requireEqualBits(model);
        }
        return rows;
      });
      const bound = logitBound(weights, story.slice(0, N_COMPARED), {
        worldSize,
        bufferFloatType,
        kvCacheType,
      });
      const difference = largestDifference(alone.slice(0, N_COMPARED), logits.slice(0, N_COMPARED));
      const what = `${worldSize} ranks: ${difference}, expected at most ${bound}`;
      assert.ok(difference <= bound, what);
      // Q80 on the wire cannot go unseen; the order of sums can, behind quantised activations.
      if (bufferFloatType === "q80") assert.ok(difference > 0, what);
      const nll = meanNll(logits, story) - meanNll(alone, story);
      assert.ok(
        Math.abs(nll) < (isLossless ? 1e-4 : 0.02),
        `${worldSize} ranks: likelihood ${nll}`,
      );
    }
  });
}

test.run();
