/**
 * Measures what two workers hold of a model of about 1 GiB, while it loads and while it runs: weights
 * must never be twice in a worker's memory. Compiled program, Linux only (/proc).
 *
 *     npx -y pnpm@10.34.9 build && node scripts/measure-worker-memory.mjs
 *
 * Needs 1.1 GiB in the system's temporary folder, which it gives back.
 */

import { measurement, outputOf } from "./lib/measure/measurement.mjs";
import { memoryMib } from "./lib/measure/proc.mjs";
import { writeSyntheticModel } from "./lib/synthetic-model.mjs";

/** What a worker may hold beside its slice. */
const ALLOWED_MIB = 80;
const SAMPLE_MS = 20;

/** A worker, with the slice that it was told to load and its peaks. */
async function watched(starting) {
  const { child, address } = await starting;
  const worker = { child, address, sliceMib: 0, rss: 0, anon: 0 };
  child.stderr.on("data", (text) => {
    const [, mib] = /([\d.]+) MiB of weights are loaded/.exec(text) ?? [];
    if (mib) worker.sliceMib = Number(mib);
  });
  return worker;
}

/** Raises the worker's peaks to what it holds now, in MiB. */
function sample(worker) {
  worker.rss = Math.max(worker.rss, memoryMib(worker.child.pid, "VmRSS"));
  worker.anon = Math.max(worker.anon, memoryMib(worker.child.pid, "RssAnon"));
}

await measurement(async ({ folder, dllama, worker }) => {
  const model = await writeSyntheticModel(folder, "llama2-7b-8-layers");
  const starts = [1, 2].map(() => watched(worker("--nthreads", "1")));
  const workers = await Promise.all(starts);
  const idle = workers.map((one) => {
    sample(one);
    return one.rss;
  });
  const prompt = "word ".repeat(100);
  const flags = ["--steps", "4", "--temperature", "0", "--ignore-eos", "--nthreads", "1"];
  const addresses = workers.map(({ address }) => address);
  const args = ["inference", "-m", model, "-p", prompt, ...flags, "--workers", ...addresses];
  const timer = setInterval(() => workers.forEach(sample), SAMPLE_MS);
  await outputOf(dllama(...args));
  clearInterval(timer);

  console.log("MiB\n");
  console.log("rank   slice  idle RSS  peak RSS  peak RssAnon  RSS - slice");
  for (const [index, { sliceMib, rss, anon }] of workers.entries()) {
    const columns = [
      [sliceMib, 8],
      [idle[index], 10],
      [rss, 10],
      [anon, 14],
      [rss - sliceMib, 13],
    ];
    const row = columns.map(([value, width]) => value.toFixed(1).padStart(width)).join("");
    console.log(`${String(index + 1).padStart(4)}${row}`);
  }
  const within = workers.every(
    ({ sliceMib, rss }) => sliceMib > 0 && rss <= sliceMib + ALLOWED_MIB,
  );
  console.log(`\nslice + ${ALLOWED_MIB} MiB: ${within ? "kept" : "EXCEEDED"}`);
  process.exitCode = within ? 0 : 1;
});
