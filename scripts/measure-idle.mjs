/**
 * Measures the CPU time that an idle process takes in 10 s: a worker without a root, a worker whose root
 * has its model loaded and waits, and that root, a process that uses the library. Linux only.
 *
 *     npx -y pnpm@10.34.9 build && node scripts/measure-idle.mjs [--seconds 10]
 *
 * CPU time is that of all threads, from /proc/PID/task/TID/schedstat, which counts nanoseconds. Before,
 * each has 30 seconds to come to rest: 8 to 20 seconds after the last work V8 collects the garbage that it
 * left, once (20 to 40 ms). The model is the embedded one; the root has generated a few tokens, so that
 * the pools of both have worked.
 */

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { measurement } from "./lib/measure/measurement.mjs";
import { spentMs, threadTimes } from "./lib/measure/proc.mjs";
import { printTable, printTarget } from "./lib/measure/spread.mjs";

const MOST_MS = 1;
const REST_MS = 30_000;

const { values } = parseArgs({ options: { seconds: { type: "string", default: "10" } } });

/** A library process: says "ready" and waits for ever. */
const ROOT = `
  import { loadModel } from ${JSON.stringify(new URL("../packages/core/dist/index.js", import.meta.url))};
  const workers = process.argv.slice(2);
  const model = await loadModel({ workers, nthreads: 2 });
  for await (const _ of model.generate("Once", { steps: 8 }));
  console.log("ready");
  // Like a server that waits for requests; it keeps the model, too.
  setInterval(() => {}, 2 ** 30);
  globalThis.kept = model;
`;

await measurement(async ({ folder, node, worker }) => {
  const script = join(folder, "root.mjs");
  writeFileSync(script, ROOT);
  const free = await worker("--nthreads", "2");
  const taken = await worker("--nthreads", "2");
  const rootProcess = node(script, taken.address);
  rootProcess.stderr.pipe(process.stderr);
  const alone = node(script);
  alone.stderr.pipe(process.stderr);
  await Promise.all([rootProcess, alone].map(({ stdout }) => once(stdout, "data")));

  const processes = [
    ["worker without a root", free.child],
    ["worker with an idle root", taken.child],
    ["idle root with a worker", rootProcess],
    ["idle library process without workers", alone],
  ];
  await sleep(REST_MS);
  const before = processes.map(([, { pid }]) => threadTimes(pid));
  await sleep(Number(values.seconds) * 1000);
  const spent = processes.map(([, { pid }], n) => spentMs(before[n], threadTimes(pid)));
  const total = (threads) => threads.reduce((sum, [, ms]) => sum + ms, 0);
  printTable(
    ["process", `CPU ms in ${values.seconds} s`, "by thread"],
    processes.map(([name], n) => {
      const busy = spent[n].filter(([, ms]) => ms > 0);
      const threads = busy.map(([thread, ms]) => `${thread} ${ms.toFixed(2)}`);
      return [name, total(spent[n]).toFixed(2), threads.join(", ") || "none"];
    }),
  );
  const isKept = spent.every((threads) => total(threads) < MOST_MS);
  printTarget(`${MOST_MS} ms in ${values.seconds} s`, isKept);
});
