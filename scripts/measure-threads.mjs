/**
 * Measures decode with more threads than cores, and beside a neighbour that keeps one core busy: tokens a
 * second by number of threads, and what part of the best number up to there they are.
 *
 *     npx -y pnpm@10.34.9 build && node scripts/measure-threads.mjs [--runs 5] [--nthreads 1,2,3,4,8]
 *         [--shape llama2-7b-8-layers]
 *
 * Every run is `dllama bench` of its own with one number of threads, and the numbers take turns, so that a
 * change of the machine's mood meets them all. The neighbour is a Node process in an endless loop, which
 * the kernel's scheduler places where it likes.
 */

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { shareOfBest } from "./lib/measure/best-so-far.mjs";
import { jsonLines, measurement, outputOf } from "./lib/measure/measurement.mjs";
import { medianOf, printTable, printTarget, spread } from "./lib/measure/spread.mjs";

const LEAST_SHARE = 0.8;

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    nthreads: { type: "string", default: "1,2,3,4,8" },
    shape: { type: "string", default: "llama2-7b-8-layers" },
  },
});
const counts = values.nthreads.split(",");

await measurement(async ({ folder, node, dllama }) => {
  const busy = join(folder, "busy.mjs");
  writeFileSync(busy, 'process.stdout.write("busy"); for (;;);');
  const run = async (nThreads) => {
    const lengths = ["--prompt-tokens", "0", "--generated-tokens", "32", "--runs", "1"];
    const flags = ["--shape", values.shape, ...lengths, "--nthreads", nThreads, "--quiet"];
    const printed = await outputOf(dllama("bench", ...flags, "--format", "json"));
    return jsonLines(printed).at(-1).tokensPerSecond.median;
  };
  const inTurns = async () => {
    const rates = new Map(counts.map((nThreads) => [nThreads, []]));
    for (let n = 0; n < Number(values.runs); n++) {
      for (const nThreads of counts) rates.get(nThreads).push(await run(nThreads));
    }
    return counts.map((nThreads) => rates.get(nThreads));
  };

  const alone = await inTurns();
  const neighbour = node(busy);
  await once(neighbour.stdout, "data");
  const beside = await inTurns();
  neighbour.kill("SIGKILL");

  const shares = [alone, beside].map((rates) => shareOfBest(rates.map(medianOf)));
  printTable(
    ["threads", "tokens/s", "of best so far", "beside a busy process", "of best so far"],
    counts.map((nThreads, n) => [
      nThreads,
      spread(alone[n]),
      shares[0][n].toFixed(2),
      spread(beside[n]),
      shares[1][n].toFixed(2),
    ]),
  );
  const isKept = shares.flat().every((share) => share >= LEAST_SHARE);
  printTarget(`${LEAST_SHARE} of the best number of threads up to each`, isKept);
});
