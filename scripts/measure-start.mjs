/**
 * Measures the start: from `node packages/cli/dist/main.js inference` to the line of the first token,
 * without the forward of the prompt. The file has Llama 2 7B's shape and vocabulary of 32,000 pieces and
 * is in the page cache; the prompt is one word.
 *
 *     npx -y pnpm@10.34.9 build && node scripts/measure-start.mjs [--runs 7] [--shape llama2-7b]
 *
 * Beside it: Node by itself, which runs an empty script, and `dllama --version`, which loads no library.
 */

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { jsonLines, measurement } from "./lib/measure/measurement.mjs";
import { writeWarmSparseModel } from "./lib/measure/sparse-model.mjs";
import { medianOf, printTable, printTarget, spread } from "./lib/measure/spread.mjs";

const MOST_MS = 500;

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "7" },
    shape: { type: "string", default: "llama2-7b" },
  },
});

/** Milliseconds from the start of a process to its end. */
async function timeToEnd(start) {
  const begin = performance.now();
  const child = start();
  child.stdout.resume();
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${child.spawnargs.join(" ")} ended with ${code}`);
  return performance.now() - begin;
}

/** Milliseconds until the first token is read, and what of it was the prompt's forward. */
async function timeToToken(start) {
  const begin = performance.now();
  const child = start();
  const closed = once(child, "close");
  let printed = "";
  let totalMs;
  child.stdout.on("data", (text) => {
    printed += text;
    if (totalMs === undefined && /^\{"type":"token".*\n/mu.test(printed)) {
      totalMs = performance.now() - begin;
    }
  });
  child.stderr.resume();
  const [code] = await closed;
  if (code !== 0 || totalMs === undefined) throw new Error(`a run ended with ${code}: ${printed}`);
  const prompt = jsonLines(printed).find(({ type }) => type === "prompt");
  return { totalMs, forwardMs: prompt.inferenceMs + prompt.transferMs };
}

await measurement(async ({ folder, node, dllama }) => {
  const model = await writeWarmSparseModel(folder, values.shape);
  const empty = join(folder, "empty.mjs");
  writeFileSync(empty, "");
  // Greedy: all logits of these weights are equal, and no draw could do without the whole row.
  const flags = ["--steps", "1", "--temperature", "0", "--format", "json"];
  const args = ["inference", "-m", model, "-p", "Hello", ...flags];
  const [nodeMs, versionMs, forwardMs, restMs] = [[], [], [], []];
  for (let n = 0; n < Number(values.runs); n++) {
    nodeMs.push(await timeToEnd(() => node(empty)));
    versionMs.push(await timeToEnd(() => dllama("--version")));
    const first = await timeToToken(() => dllama(...args));
    forwardMs.push(first.forwardMs);
    restMs.push(first.totalMs - first.forwardMs);
  }
  printTable(
    ["what", "ms"],
    [
      ["Node by itself", spread(nodeMs, 0)],
      ["dllama --version", spread(versionMs, 0)],
      ["the prompt's forward", spread(forwardMs, 0)],
      ["to the first token, without the forward", spread(restMs, 0)],
    ],
  );
  printTarget(`${MOST_MS} ms without the forward`, medianOf(restMs) < MOST_MS);
});
