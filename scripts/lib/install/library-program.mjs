/** A program that uses the library; the proofs copy it to where they have installed it. */

import { loadModel } from "@dllama/core";

// Bundles of CommonJS have no await at the top level.
async function tellStory() {
  const model = await loadModel({ nthreads: 1 });
  for await (const { text } of model.generate("Once upon a time", { steps: 32, temperature: 0 })) {
    process.stdout.write(text);
  }
  await model.dispose();
}

void tellStory();
