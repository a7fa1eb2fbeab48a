/**
 * The root of a soak, in a process of its own, so that a crash is seen: loads the model over the workers of its
 * first argument, and for each line on stdin, options of a generation, prints its tokens and events and its
 * end, an object a line.
 */

import { createInterface } from "node:readline";

import { loadModel } from "../../../packages/core/dist/index.js";

const { workers, options } = JSON.parse(process.argv[2]);
const print = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);

const model = await loadModel({ workers, nthreads: 1, ...options });
print({ type: "loaded" });
for await (const line of createInterface({ input: process.stdin })) {
  const { prompt, ...generate } = JSON.parse(line);
  const generation = model.generate(prompt, { ...generate, ignoreEos: true, onEvent: print });
  try {
    for await (const { id } of generation) print({ type: "token", id });
    print({ type: "end" });
  } catch (error) {
    print({ type: "error", code: error.code, message: error.message });
  }
}
await model.dispose();
