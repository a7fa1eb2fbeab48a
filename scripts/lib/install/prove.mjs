/** Runs lines one after another, and prints a row for each as it ends. */

import { CANNOT_RUN_HERE } from "../suites/outcome.mjs";
import { ProofError } from "./programs.mjs";
import { Stage } from "./stage.mjs";

/**
 * @param {import("./table.mjs").Line[]} lines
 * @param {{ packed?: string }} options
 * @returns {Promise<number>} the exit code
 */
export async function prove(lines, { packed }) {
  const say = (text) => console.error(`  ${text}`);
  const stage = new Stage({ packed, say });
  const counts = { ok: 0, FAILED: 0, skipped: 0 };
  console.log("| line | what must be so | | s | result |\n|---|---|---|---|---|");
  try {
    for (const line of lines) {
      const start = performance.now();
      const { verdict, result, details } = await runLine(line, stage);
      const seconds = ((performance.now() - start) / 1000).toFixed(0);
      console.log(`| ${line.name} | ${line.what} | ${verdict} | ${seconds} | ${result} |`);
      if (details !== undefined) console.error(details);
      counts[verdict]++;
    }
  } finally {
    await stage.end();
  }
  if (counts.FAILED > 0) return 1;
  return counts.skipped > 0 ? CANNOT_RUN_HERE : 0;
}

async function runLine(line, stage) {
  const missing = line.missing?.();
  if (missing !== undefined) return { verdict: "skipped", result: missing };
  try {
    return { verdict: "ok", result: await line.run(stage) };
  } catch (error) {
    const details = error instanceof ProofError ? error.message : error.stack;
    return { verdict: "FAILED", result: details.split("\n", 1)[0], details };
  }
}
