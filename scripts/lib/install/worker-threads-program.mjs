/** The library in several worker threads at once, and again in new ones after these have ended. */

import { Worker } from "node:worker_threads";

const N_THREADS = 3;
const program = new URL("program.mjs", import.meta.url);

async function tellInThread() {
  const worker = new Worker(program, { stdout: true });
  let text = "";
  worker.stdout.setEncoding("utf8").on("data", (piece) => (text += piece));
  const ended = new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", resolve);
  });
  const read = new Promise((resolve) => {
    worker.stdout.once("end", resolve);
  });
  await ended;
  await read;
  return text;
}

const stories = [];
for (let round = 0; round < 2; round++) {
  stories.push(...(await Promise.all(Array.from({ length: N_THREADS }, tellInThread))));
}
console.log(JSON.stringify(stories));
