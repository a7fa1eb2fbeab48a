/**
 * How long the main thread computes between two turns of its event loop while a model loads and runs, in
 * milliseconds of its own processor time: what others do on the machine does not count. For Node 24.
 */

import { loadModel } from "@dllama/core";

const STEPS = 8;

let longest = 0;
let before;
let isWatching = true;

function turn() {
  const now = ownTime();
  if (before !== undefined) longest = Math.max(longest, now - before);
  before = now;
  if (isWatching) setTimeout(turn, 0);
}

function ownTime() {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

async function watched(work) {
  longest = 0;
  const value = await work();
  await new Promise((resolve) => {
    setTimeout(resolve, 10);
  });
  return { value, longest };
}

turn();
const path = process.argv[2];
const loading = await watched(() => loadModel({ path, maxSeqLen: 512, nthreads: 1 }));
const model = loading.value;
const generating = await watched(async () => {
  const options = { steps: STEPS, ignoreEos: true, seed: 1 };
  for await (const token of model.generate("Once upon a time", options)) void token;
});
isWatching = false;
await model.dispose();
console.log(JSON.stringify({ loadMs: loading.longest, generateMs: generating.longest }));
