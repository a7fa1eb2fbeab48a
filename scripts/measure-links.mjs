/**
 * Tokens a second and bytes over slow links, in network namespaces, against what `dllama plan` says:
 * `node scripts/measure-links.mjs [--shape S] [--ranks 2,4,8] [--links 1gbit,100mbit,wifi] [--tokens N]`.
 * Prints a table for docs/benchmarks.md. All ranks share this machine's cores, so what compares is the time
 * that a token waits for the network; the devices that `plan` is told of are shares of this one.
 */

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { bringUpToDate } from "./lib/build.mjs";
import { bytesAToken } from "./lib/netns/bytes.mjs";
import { withCluster } from "./lib/netns/cluster.mjs";
import { LINKS } from "./lib/netns/links.mjs";
import { requireNamespaces } from "./lib/netns/requirements.mjs";
import { jsonLines, measurement, outputOf } from "./lib/measure/measurement.mjs";

const { values } = parseArgs({
  options: {
    shape: { type: "string", default: "tiny" },
    ranks: { type: "string", default: "2,4,8" },
    links: { type: "string", default: Object.keys(LINKS).join(",") },
    tokens: { type: "string", default: "48" },
  },
});
const { shape } = values;
const nTokens = Number(values.tokens);
/** Tokens of the shorter of two runs. */
const FEW = 8;

requireNamespaces("measure-links");
const problem = await bringUpToDate({ say: console.error, output: "stderr" });
if (problem !== undefined) throw new Error(problem);

const MODEL = ["--shape", shape, "--split", "equal", "--all-reduce", "direct"];
const benchFlags = (n) => [
  "bench",
  "--quiet",
  "--format",
  "json",
  "-p",
  "0",
  "-n",
  String(n),
  "-r",
  "1",
];

await measurement(async ({ folder, dllama }) => {
  const alone = await bench((...args) => outputOf(dllama(...args, "-t", "1")), nTokens, [
    "--shape",
    shape,
  ]);
  const columns = [
    "link",
    "ranks",
    "tokens/s",
    "plan",
    "waits for the network, ms a token",
    "plan: wire + latency",
    "S, R of a token",
    "counted at the device",
  ];
  console.log(`One rank, one thread: ${alone.tokensPerSecond.median.toFixed(1)} tokens/s.\n`);
  console.log(`| ${columns.join(" | ")} |\n|${columns.map(() => "---|").join("")}`);
  for (const name of values.links.split(",")) {
    for (const nRanks of values.ranks.split(",").map(Number)) {
      const measured = await measure(nRanks, LINKS[name]);
      const expected = await plan(dllama, folder, nRanks, LINKS[name], alone);
      const { wireMs, latencyMs } = expected.token;
      const kB = (bytes) => (bytes / 1024).toFixed(2);
      const cells = [
        name,
        nRanks,
        measured.tokensPerSecond.median.toFixed(1),
        expected.tokensPerSecond.toFixed(1),
        measured.transfer.msPerToken.toFixed(2),
        `${wireMs.toFixed(2)} + ${latencyMs.toFixed(2)}`,
        `${kB(measured.sentBytes)}, ${kB(measured.receivedBytes)} kB`,
        `${kB(measured.countedSent)}, ${kB(measured.countedReceived)} kB`,
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
});

/** @returns what `bench` printed of its one case */
async function bench(run, n, model) {
  const output = await run(...benchFlags(n), ...model);
  return jsonLines(output).find(({ type }) => type === "case");
}

function measure(nRanks, link) {
  return withCluster(nRanks, link, async (cluster) => {
    let result;
    // The first one has the workers measured and connections warmed up.
    await bench(cluster.root, FEW, MODEL);
    const bytes = await bytesAToken(cluster, nTokens, async (n) => {
      result = await bench(cluster.root, FEW + n, MODEL);
      const { sentBytesPerToken, receivedBytesPerToken } = result.transfer;
      const all = FEW + n;
      return { sentBytes: sentBytesPerToken * all, receivedBytes: receivedBytesPerToken * all };
    });
    return { ...result, ...bytes };
  });
}

/** Of devices that have each rank's share of what this one gave alone. */
async function plan(dllama, folder, nRanks, link, alone) {
  const share = Math.min(1, cpus().length / nRanks);
  const device = {
    name: "share",
    gbPerSecond: alone.weightGbPerSecond * share,
    gops: 1000,
    ramGib: 4,
  };
  const path = join(folder, `${nRanks}.json`);
  writeFileSync(path, JSON.stringify(Array.from({ length: nRanks }, () => device)));
  const args = ["--devices", path, "--link", link.plan, "--format", "json"];
  return JSON.parse(await outputOf(dllama("plan", ...MODEL, ...args)));
}
