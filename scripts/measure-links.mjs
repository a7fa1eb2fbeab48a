/**
 * Time and bytes of a token over slow links, in network namespaces, against what `dllama plan` says:
 * `node scripts/measure-links.mjs [--shape S] [--ranks 2,4,8] [--links 1gbit,100mbit,wifi] [--tokens N]`.
 * Prints a table for docs/benchmarks.md. All ranks share this machine's cores, so what compares is the time
 * that a token waits for the network; the devices that `plan` is told of are shares of this one. It is asked
 * twice: with the link's own latency, and with the one that the ranks themselves measure when they meet, which
 * has what the emulated network, the kernel and waking up take, too.
 */

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { writeSparseModel } from "../packages/converter/dist/index.js";
import { bringUpToDate } from "./lib/build.mjs";
import { bytesAToken } from "./lib/netns/bytes.mjs";
import { withCluster } from "./lib/netns/cluster.mjs";
import { LINKS } from "./lib/netns/links.mjs";
import { requireNamespaces } from "./lib/netns/requirements.mjs";
import { medianOf } from "./lib/measure/spread.mjs";
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

const CLUSTER = ["--split", "equal", "--all-reduce", "direct"];

await measurement(async ({ folder, dllama }) => {
  const model = join(folder, "model.gguf");
  await writeSparseModel(model, { shape });
  const alone = await weightRate(dllama, model);
  const columns = [
    "link",
    "ranks",
    "ms a token",
    "plan",
    "of it network",
    "plan: wire + latency",
    "latency measured",
    "plan with it",
    "S, R of a token",
    "counted at the device",
  ];
  console.log(`| ${columns.join(" | ")} |\n|${columns.map(() => "---|").join("")}`);
  for (const name of values.links.split(",")) {
    for (const nRanks of values.ranks.split(",").map(Number)) {
      const measured = await measure(nRanks, LINKS[name], model);
      const link = LINKS[name].plan;
      const expected = await plan(dllama, folder, nRanks, link, alone);
      const { latencyMs: asMeasured } = measured;
      const measuredLink = link.replace(/,[\d.]+ms/, `,${asMeasured.toFixed(3)}ms`);
      const { token: informed } = await plan(dllama, folder, nRanks, measuredLink, alone);
      const { totalMs, wireMs, latencyMs } = expected.token;
      const kB = (bytes) => (bytes / 1024).toFixed(2);
      const cells = [
        name,
        nRanks,
        measured.generationMs.toFixed(2),
        totalMs.toFixed(2),
        measured.transferMs.toFixed(2),
        `${wireMs.toFixed(2)} + ${latencyMs.toFixed(2)}`,
        asMeasured.toFixed(2),
        informed.totalMs.toFixed(2),
        `${kB(measured.sentBytes)}, ${kB(measured.receivedBytes)} kB`,
        `${kB(measured.countedSent)}, ${kB(measured.countedReceived)} kB`,
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
});

function run(model, n) {
  const flags = `--ignore-eos --temperature 0 --prompt a --steps ${n} --model ${model}`;
  return ["inference", "--quiet", "--format", "json", ...flags.split(" ")];
}

function tokensOf(output) {
  return jsonLines(output).filter(({ type }) => type === "token");
}

/** GB of weights a second of one rank with one thread. */
async function weightRate(dllama, model) {
  const flags = ["--quiet", "--format", "json", "-p", "0", "-n", "32", "-r", "5", "-t", "1"];
  const output = await outputOf(dllama("bench", "--model", model, ...flags));
  return jsonLines(output).find(({ type }) => type === "case").weightGbPerSecond;
}

/** Medians of the tokens, because other programs disturb some; bytes are of the mean. */
function measure(nRanks, link, model) {
  return withCluster(nRanks, link, async (cluster) => {
    const start = (n) => cluster.root(...run(model, n), ...CLUSTER);
    // The first one has the workers and the links measured.
    const first = jsonLines(await cluster.root(...run(model, FEW), "--split", "equal"));
    const { latencyMs } = first.find(({ type }) => type === "start").plan.measurement;
    let tokens;
    const bytes = await bytesAToken(cluster, nTokens, async (n) => {
      tokens = tokensOf(await start(FEW + n));
      const sum = (field) => tokens.reduce((total, token) => total + token[field], 0);
      return { sentBytes: sum("sentBytes"), receivedBytes: sum("receivedBytes") };
    });
    // The first token comes with the prompt.
    const median = (field) => medianOf(tokens.slice(1).map((token) => token[field]));
    return {
      ...bytes,
      latencyMs,
      generationMs: median("generationMs"),
      transferMs: median("transferMs"),
    };
  });
}

/** Of devices that have each rank's share of what this one gave alone. */
async function plan(dllama, folder, nRanks, link, alone) {
  const share = Math.min(1, cpus().length / nRanks);
  const device = {
    name: "share",
    gbPerSecond: alone * share,
    gops: 1000,
    ramGib: 4,
  };
  const path = join(folder, `${nRanks}.json`);
  writeFileSync(path, JSON.stringify(Array.from({ length: nRanks }, () => device)));
  const args = ["--devices", path, "--link", link, "--format", "json"];
  return JSON.parse(await outputOf(dllama("plan", "--shape", shape, ...CLUSTER, ...args)));
}
