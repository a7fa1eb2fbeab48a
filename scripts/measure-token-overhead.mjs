/**
 * Measures the fixed cost of a token: what it takes beyond its arithmetic, JavaScript and report line
 * included. The embedded model of 260 thousand weights, one thread, the program's own defaults.
 *
 *     npx -y pnpm@10.34.9 build && node scripts/measure-token-overhead.mjs [--runs 7] [--steps 300]
 *
 * The arithmetic is what the engine itself reports of each forward: products of matrices, attention and
 * norms. All else counts as overhead: RoPE, SwiGLU, embedding, choice of candidates, the steps of a
 * forward, the way from JavaScript and back, sampling, decoding, and writing the line. Each run is a
 * process of its own that does what the command does, with its stdout a file, so that no reader competes
 * for a core; its first 50 tokens, which compile the JavaScript, do not count.
 */

import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";

import { measurement } from "./lib/measure/measurement.mjs";
import { medianOf, printTable, printTarget, spread } from "./lib/measure/spread.mjs";

const MOST_US = 150;

const { values } = parseArgs({
  options: { runs: { type: "string", default: "7" }, steps: { type: "string", default: "300" } },
});
const child = fileURLToPath(new URL("lib/measure/token-overhead-child.mjs", import.meta.url));

/** The means of one run's tokens, which the child writes to descriptor 3. */
function run(folder) {
  const report = openSync(join(folder, "report.txt"), "w");
  const stdio = ["ignore", report, "ignore", "pipe"];
  const { output } = spawnSync(process.execPath, [child, values.steps], { stdio });
  closeSync(report);
  return JSON.parse(output[3].toString());
}

await measurement(async ({ folder }) => {
  const runs = Array.from({ length: Number(values.runs) }, () => run(folder));
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
