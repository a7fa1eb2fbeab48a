/**
 * Measures what two workers hold of a model of about 1 GiB, while it loads and while it runs: weights
 * must never be twice in a worker's memory. Compiled program, Linux only (/proc).
 *
 *     npx -y pnpm@10.34.9 build && node scripts/measure-worker-memory.mjs
 *
 * Needs 1.1 GiB in the system's temporary folder, which it gives back.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

import { root } from "./lib/workspace.mjs";
import { writeSyntheticModel } from "./lib/synthetic-model.mjs";

/** What a worker may hold beside its slice. */
const ALLOWED_MIB = 80;
const SAMPLE_MS = 20;
const MAIN = join(root, "packages/cli/dist/main.js");

const work = mkdtempSync(join(tmpdir(), "dllama-measure-memory-"));
const children = [];

function start(...args) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  return child;
}

async function startWorker() {
  const child = start("worker", "--port", "0", "--nthreads", "1");
  const worker = { child, address: "", sliceMib: 0, rss: 0, anon: 0 };
  child.stderr.setEncoding("utf8").on("data", (text) => {
    const [, mib] = /([\d.]+) MiB of weights are loaded/.exec(text) ?? [];
    if (mib) worker.sliceMib = Number(mib);
  });
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  worker.address = line.trim().split(" ").at(-1);
  return worker;
}

/** Raises the worker's peaks to what it holds now, in MiB. */
function sample(worker) {
  const status = readFileSync(`/proc/${worker.child.pid}/status`, "utf8");
  const mib = (key) => Number(new RegExp(`${key}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
  worker.rss = Math.max(worker.rss, mib("VmRSS"));
  worker.anon = Math.max(worker.anon, mib("RssAnon"));
}

async function measure() {
  const model = await writeSyntheticModel(work, "llama2-7b-8-layers");
  const workers = await Promise.all([startWorker(), startWorker()]);
  const idle = workers.map((worker) => {
    sample(worker);
    return worker.rss;
  });
  const prompt = "word ".repeat(100);
  const flags = ["--steps", "4", "--temperature", "0", "--ignore-eos", "--nthreads", "1"];
  const addresses = workers.map(({ address }) => address);
  const rootProcess = start(
    "inference",
    "-m",
    model,
    "-p",
    prompt,
    ...flags,
    "--workers",
    ...addresses,
  );
  let errors = "";
  rootProcess.stdout.resume();
  rootProcess.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
  const timer = setInterval(() => workers.forEach(sample), SAMPLE_MS);
  const [code] = await once(rootProcess, "close");
  clearInterval(timer);
  if (code !== 0) throw new Error(`the root ended with ${code}: ${errors}`);

  console.log(`machine ${cpus()[0]?.model}, Node ${process.version}; MiB\n`);
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
}

function cleanUp() {
  for (const child of children) child.kill("SIGKILL");
  rmSync(work, { recursive: true, force: true });
}

process.once("SIGINT", () => {
  cleanUp();
  process.exit(130);
});
try {
  await measure();
} finally {
  cleanUp();
}
