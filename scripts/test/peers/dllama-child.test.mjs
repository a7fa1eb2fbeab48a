import { test } from "uvu";
import * as assert from "uvu/assert";

import { embeddedModelPath } from "../../../packages/core/dist/index.js";
import { Contestant } from "../../lib/peers/contestant.mjs";

/** The other side needs llama.cpp, which a machine may not have. */
test("dllama's side runs its cases on a real model, at any depth", async () => {
  const job = { modelPath: embeddedModelPath, nThreads: 1, contextSize: 256 };
  const contestant = await Contestant.start("dllama", job);
  try {
    for (const one of [
      { test: "prefill", promptTokens: 64, depth: 0 },
      { test: "decode", generatedTokens: 8, depth: 0 },
      { test: "prefill", promptTokens: 32, depth: 100 },
      { test: "decode", generatedTokens: 8, depth: 100 },
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- one job at a time
      await contestant.fill(one.depth);
      // oxlint-disable-next-line no-await-in-loop -- see above
      const { runs, ...asked } = await contestant.run(one);
      assert.is(asked.depth, one.depth);
      assert.is(runs.length, 1);
      assert.ok(runs[0] > 0, `${runs[0]} tokens/s`);
    }
  } finally {
    await contestant.stop();
  }
});

test.run();
