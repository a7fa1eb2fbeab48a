/**
 * Times prompt and generated tokens of a synthetic model of TinyLlama 1.1B's shape in Q40, end to end:
 * the compiled program, JavaScript and report included.
 *
 *     npx -y pnpm@10.34.9 build && node scripts/bench-token.mjs [--runs 3] [--steps 32] [--prompt-tokens 64]
 *
 * Settings take turns, so that a change of the machine's mood meets them all.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { writeSyntheticModel } from "./lib/synthetic-model.mjs";
import { root } from "./lib/workspace.mjs";

const MAIN = join(root, "packages/cli/dist/main.js");
const HELP = `Times a token of a synthetic 1.1B-shaped Q40 model.

  --runs N            runs of each setting, in turns (default 3)
  --steps N           generated tokens a run (default 32)
  --prompt-tokens N   tokens of the prompt, BOS included (default 64)
`;

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    steps: { type: "string", default: "32" },
    "prompt-tokens": { type: "string", default: "64" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

const settings = [
  { name: "1 rank x 1 thread", nthreads: "1", nWorkers: 0 },
  { name: "1 rank x 2 threads", nthreads: "2", nWorkers: 0 },
  { name: "2 ranks x 1 thread", nthreads: "1", nWorkers: 1 },
];

const work = mkdtempSync(join(tmpdir(), "dllama-bench-token-"));
const children = new Set();

function start(args) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "ignore"] });
  children.add(child);
  child.once("close", () => children.delete(child));
  child.stdout.setEncoding("utf8");
  return child;
}

async function startWorker() {
  const child = start(["worker", "--port", "0", "--nthreads", "1"]);
  const [line] = await once(child.stdout, "data");
  return { child, address: line.trim().split(" ").at(-1) };
}

/** One run's figures of the prompt, and the means of its generated tokens but the first. */
async function run(model, { nthreads, nWorkers }) {
  const workers = await Promise.all(Array.from({ length: nWorkers }, startWorker));
  // "▁a" is one token of Llama 2's vocabulary.
  const prompt = Array.from({ length: values["prompt-tokens"] - 1 }, () => "a").join(" ");
  const flags = ["--format", "json", "--temperature", "0", "--ignore-eos", "--nthreads", nthreads];
  const args = ["inference", "-m", model, "-p", prompt, "--steps", values.steps, ...flags];
  const addresses = workers.map(({ address }) => address);
  const child = start(addresses.length === 0 ? args : [...args, "--workers", ...addresses]);
  let stdout = "";
  child.stdout.on("data", (text) => (stdout += text));
  const [code] = await once(child, "close");
  for (const worker of workers) worker.child.kill("SIGTERM");
  if (code !== 0) throw new Error(`a run ended with ${code}`);
  const lines = stdout.trimEnd().split("\n").map(JSON.parse);
  const tokens = lines.filter(({ type }) => type === "token").slice(1);
  const mean = (key) => tokens.reduce((sum, token) => sum + token[key], 0) / tokens.length;
  return {
    prefill: lines.at(-1).prefillTokensPerSecond,
    ms: mean("generationMs"),
    transferMs: mean("transferMs"),
    sentKb: mean("sentBytes") / 1024,
    receivedKb: mean("receivedBytes") / 1024,
  };
}

/** `median (minimum to maximum)` */
function spread(numbers, digits = 1) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const [median, low, high] = [sorted[sorted.length >> 1], sorted[0], sorted.at(-1)];
  return `${median.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
}

async function bench() {
  const model = await writeSyntheticModel(work, "tinyllama-1.1b");
  const gb = statSync(model).size / 1e9;
  const results = new Map(settings.map(({ name }) => [name, []]));
  for (let n = 0; n < Number(values.runs); n++) {
    for (const setting of settings) results.get(setting.name).push(await run(model, setting));
  }
  console.log(`machine ${cpus()[0]?.model}, Node ${process.version}; file ${gb.toFixed(2)} GB`);
  console.log("median (minimum to maximum)\n");
  console.log("| setting | prompt tokens/s | ms a token | transfer ms | kB sent | kB received |");
  console.log("|---|---|---|---|---|---|");
  for (const [name, runs] of results) {
    const column = (key, digits) =>
      spread(
        runs.map((figures) => figures[key]),
        digits,
      );
    const columns = [
      column("prefill"),
      column("ms"),
      column("transferMs", 2),
      column("sentKb"),
      column("receivedKb"),
    ];
    console.log(`| ${name} | ${columns.join(" | ")} |`);
  }
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
  await bench();
} finally {
  cleanUp();
}
