/**
 * Times prompt and generated tokens of a synthetic model of TinyLlama 1.1B's shape in Q40, end to end:
 * the compiled program, JavaScript and report included.
 *
 *     npx -y pnpm@10.34.9 build && node scripts/bench-token.mjs [--runs 3] [--steps 32] [--prompt-tokens 64]
 *
 * Settings take turns, so that a change of the machine's mood meets them all.
 */

import { statSync } from "node:fs";
import { parseArgs } from "node:util";

import { jsonLines, measurement, outputOf } from "./lib/measure/measurement.mjs";
import { promptOf } from "./lib/measure/sparse-model.mjs";
import { printTable, spread } from "./lib/measure/spread.mjs";
import { writeSyntheticModel } from "./lib/synthetic-model.mjs";

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

/** One run's figures of the prompt, and the means of its generated tokens but the first. */
async function run({ dllama, worker }, model, { nthreads, nWorkers }) {
  const starts = Array.from({ length: nWorkers }, () => worker("--nthreads", "1"));
  const workers = await Promise.all(starts);
  const prompt = promptOf(Number(values["prompt-tokens"]));
  const flags = ["--format", "json", "--temperature", "0", "--ignore-eos", "--nthreads", nthreads];
  const args = ["inference", "-m", model, "-p", prompt, "--steps", values.steps, ...flags];
  const addresses = workers.map(({ address }) => address);
  if (addresses.length > 0) args.push("--workers", ...addresses);
  const lines = jsonLines(await outputOf(dllama(...args)));
  for (const { child } of workers) child.kill("SIGTERM");
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

const column = (runs, key) => runs.map((figures) => figures[key]);

await measurement(async (tools) => {
  const model = await writeSyntheticModel(tools.folder, "tinyllama-1.1b");
  const gb = statSync(model).size / 1e9;
  const results = new Map(settings.map(({ name }) => [name, []]));
  for (let n = 0; n < Number(values.runs); n++) {
    for (const setting of settings) {
      results.get(setting.name).push(await run(tools, model, setting));
    }
  }
  console.log(`file ${gb.toFixed(2)} GB; median (minimum to maximum)\n`);
  const columns = [
    ["prompt tokens/s", "prefill", 1],
    ["ms a token", "ms", 1],
    ["transfer ms", "transferMs", 2],
    ["kB sent", "sentKb", 1],
    ["kB received", "receivedKb", 1],
  ];
  printTable(
    ["setting", ...columns.map(([title]) => title)],
    [...results].map(([name, runs]) => [
      name,
      ...columns.map(([, key, digits]) => spread(column(runs, key), digits)),
    ]),
  );
});
