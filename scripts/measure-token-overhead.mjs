/**
 * Measures the fixed cost of a token: what it takes beyond its arithmetic, JavaScript and report line
 * included. The embedded model of 260 thousand weights, one thread, the program's own defaults.
 *
 *     npx -y pnpm@10.34.9 build && node scripts/measure-token-overhead.mjs [--runs 7] [--steps 300]
 *
 * The arithmetic is what the engine itself reports of each forward: products of matrices, attention and
 * norms. All else counts as overhead: RoPE, SwiGLU, embedding, choice of candidates, the steps of a
 * forward, the way from JavaScript and back, sampling, decoding, and writing the line. Each run is a
 * process of its own that does what the command does, with its stdout a pipe; its first 50 tokens, which
 * compile the JavaScript, do not count.
 */

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";

import { measurement, outputOf } from "./lib/measure/measurement.mjs";
import { medianOf, printTable, printTarget, spread } from "./lib/measure/spread.mjs";

const MOST_US = 150;

const { values } = parseArgs({
  options: { runs: { type: "string", default: "7" }, steps: { type: "string", default: "300" } },
});
const child = fileURLToPath(new URL("lib/measure/token-overhead-child.mjs", import.meta.url));

await measurement(async ({ node }) => {
  const runs = [];
  for (let n = 0; n < Number(values.runs); n++) {
    const printed = await outputOf(node(child, values.steps));
    runs.push(JSON.parse(printed.trimEnd().split("\n").at(-1)));
  }
  const column = (key) => runs.map((figures) => figures[key]);
  const parts = [
    ["token", "tokenUs"],
    ["arithmetic: products, attention, norms", "arithmeticUs"],
    ["other ops and candidates", "otherOpsUs"],
    ["forward besides its ops", "forwardUs"],
    ["JavaScript, FFI, sampling, report line", "javaScriptUs"],
    ["token without arithmetic", "overheadUs"],
  ];
  printTable(
    ["part of a token", "µs"],
    parts.map(([name, key]) => [name, spread(column(key), 0)]),
  );
  printTarget(`${MOST_US} µs`, medianOf(column("overheadUs")) < MOST_US);
});
