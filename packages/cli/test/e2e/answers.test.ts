/** One rank against the known answers: converted checkpoints in f32 give the reference's text. */

import { convert } from "@dllama/converter";
import { loadModel } from "@dllama/core";
import type { Model } from "@dllama/core";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { logitBound } from "../support/bounds.ts";
import { ReferenceWeights } from "../support/reference-weights.ts";
import { allLogits, expected, fixtures, greedyIds, meanNll } from "../support/story.ts";
import { folder } from "./harness.ts";

/** expected.json has its logits rounded to 5 decimals. */
const PRINTED = 0.5e-5;

for (const name of ["meta", "meta-mp2"] as const) {
  test(`${name} as f32: text, logits and likelihood of the reference`, async () => {
    const path = `${folder}/${name}.gguf`;
    await convert({ folder: `${fixtures}stories260K/${name}`, type: "f32", output: path });
    const model = await loadModel({ path, bufferFloatType: "f32", kvCacheType: "f32" });
    try {
      await compare(model, path, expected[name]);
    } finally {
      await model.dispose();
    }
  });
}

async function compare(model: Model, path: string, answers: typeof expected.meta): Promise<void> {
  assert.equal(await greedyIds(model, expected.prompt, 200), answers.greedy_ids);

  const ids = answers.logits.map(({ token }) => token);
  const logits = await allLogits(model, ids);
  const options = { worldSize: 1, bufferFloatType: "f32", kvCacheType: "f32" } as const;
  // Both sides are f32 programs: each is as far from the exact numbers as this.
  const bound = 2 * logitBound(await ReferenceWeights.read(path), ids, options) + PRINTED;
  for (const { position, top10 } of answers.logits) {
    for (const [id, logit] of top10) {
      const got = logits[position]?.[id] ?? Number.NaN;
      assert.ok(
        Math.abs(got - logit) <= bound,
        `position ${position}, id ${id}: expected ${logit} within ${bound}, got ${got}`,
      );
    }
  }
  const nll = meanNll(await allLogits(model, expected.story_ids), expected.story_ids);
  assert.ok(Math.abs(nll - answers.story_mean_nll) < 1e-4, `${nll}, ${answers.story_mean_nll}`);
}

test.run();
