/**
 * Holds the model of `dllama plan` against Distributed Llama's published rows, and prints a table for
 * docs/planning.md:
 *
 *     npx -y pnpm@10.34.9 build && node scripts/check-plan.mjs
 */

import { predictions } from "./lib/plan/predictions.mjs";

const { gbPerSecond, rows } = predictions();
console.log(`Kernels of the original, from the row of one node: ${gbPerSecond.toFixed(2)} GB/s.\n`);
console.log(
  "| shape | nodes | memory | wire | latency | predicted | published | error | sent, received | published |",
);
console.log(`${"|---".repeat(10)}|`);
for (const { shape, nNodes, time, publishedMs, error, ...traffic } of rows) {
  const { sentKb, receivedKb, publishedKb } = traffic;
  const cells = [
    shape,
    nNodes,
    ...[time.memoryMs, time.wireMs, time.latencyMs, time.totalMs].map(
      (ms) => `${ms.toFixed(0)} ms`,
    ),
    `${publishedMs.toFixed(0)} ms`,
    nNodes === 1 ? "fitted" : `${(error * 100).toFixed(1)} %`,
    nNodes === 1 ? "" : `${sentKb.toFixed(0)}, ${receivedKb.toFixed(0)} kB`,
    publishedKb === undefined ? "" : `${publishedKb.sentKb}, ${publishedKb.receivedKb} kB`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
