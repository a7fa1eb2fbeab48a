/** A story in ten lines. `node -C dllama-source --import tsx packages/core/examples/story.ts` */

import { loadModel } from "@dllama/core";

const model = await loadModel(); // { path: "llama-2-7b-q40.gguf", workers: ["10.0.0.2:9998"] }
const story = model.generate("Once upon a time", { steps: 64, temperature: 0 });
for await (const token of story) process.stdout.write(token.text);
console.log(`\n${story.summary?.decodeTokensPerSecond.toFixed(0)} tokens/s`);
await model.dispose();
