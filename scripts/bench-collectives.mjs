/**
 * Our all-reduce against MPI's, by size, ranks and link: `node scripts/bench-collectives.mjs [--ranks 2,4,8]
 * [--links loopback,1gbit,100mbit,wifi] [--sizes 4096,...]`. Prints a table for decision 0025. Without
 * `mpicc` and `mpirun` (Debian: openmpi-bin libopenmpi-dev) ours alone is measured.
 */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { run } from "./lib/children.mjs";
import { LINKS } from "./lib/netns/links.mjs";
import { makeNetwork } from "./lib/netns/network.mjs";
import { requireNamespaces } from "./lib/netns/requirements.mjs";
import { root } from "./lib/workspace.mjs";

const { values } = parseArgs({
  options: {
    ranks: { type: "string", default: "2,4,8" },
    links: { type: "string", default: "loopback,1gbit,100mbit,wifi" },
    sizes: { type: "string", default: "4096,16384,65536,262144,1048576" },
  },
});
const OURS = join(root, "target/release/examples/all_reduce_latency");
const PORT = 9900;
/** Of ten rounds each; one round over Wi-Fi takes some tens of milliseconds. */
const N_BATCHES = { loopback: 20, "1gbit": 9, "100mbit": 5, wifi: 3 };
const TIMEOUT_MS = 300_000;

requireNamespaces("bench-collectives");
const crate = ["--package", "dllama-net", "--example", "all_reduce_latency"];
const build = await run(["cargo", "build", "--quiet", "--release", "--locked", ...crate]);
if (build.problem !== undefined) throw new Error(build.output);
const folder = mkdtempSync(join(tmpdir(), "dllama-collectives-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const mpi = buildMpi();

console.log("| link | ranks | KiB | direct | scattered | MPI |\n|---|---|---|---|---|---|");
for (const link of values.links.split(",")) {
  for (const nRanks of values.ranks.split(",").map(Number)) {
    const times = await measure(link, nRanks);
    for (const size of values.sizes.split(",")) {
      const cell = (way) => times.get(`${way} ${size}`) ?? "";
      const cells = [
        link,
        nRanks,
        Number(size) / 1024,
        cell("direct"),
        cell("scattered"),
        cell("mpi"),
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
}

function buildMpi() {
  const source = join(root, "scripts/lib/collectives/mpi-all-reduce.c");
  const program = join(folder, "mpi-all-reduce");
  try {
    execFileSync("mpicc", ["-O2", "-o", program, source], { stdio: "ignore" });
    return program;
  } catch {
    console.error("MPI is not measured: mpicc does not work here.");
    return undefined;
  }
}

/** Milliseconds as text, by "way bytes": median, and minimum in brackets. */
async function measure(link, nRanks) {
  const batches = String(N_BATCHES[link]);
  const network = link === "loopback" ? loopback(nRanks) : await makeNetwork(nRanks, LINKS[link]);
  try {
    const ours = await runOurs(network, batches);
    const theirs = mpi === undefined ? "" : await runMpi(network, batches);
    const lines = `${ours}${theirs}`
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    const milliseconds = (micros) => (Number(micros) / 1000).toFixed(2);
    return new Map(
      lines.map(([way, size, median, minimum]) => [
        `${way} ${size}`,
        `${milliseconds(median)} (${milliseconds(minimum)})`,
      ]),
    );
  } finally {
    network.close();
  }
}

/** As a network in namespaces, without any. */
function loopback(nRanks) {
  return {
    names: [],
    addresses: Array.from({ length: nRanks }, () => "127.0.0.1"),
    start: (_, [program, ...args], options) => spawn(program, args, options),
    close: () => {},
  };
}

async function runOurs(network, batches) {
  const stdio = ["ignore", "pipe", "inherit"];
  const workers = network.addresses.slice(1).map((address, index) => {
    const port = PORT + index;
    const child = network.start(index + 1, [OURS, "serve", `${address}:${port}`], { stdio });
    return { child, address: `${address}:${port}` };
  });
  try {
    await Promise.all(workers.map(({ child }) => once(child.stdout, "data")));
    const addresses = workers.map(({ address }) => address);
    return await outputOf(
      network.start(0, [OURS, "run", batches, values.sizes, ...addresses], { stdio }),
    );
  } finally {
    for (const { child } of workers) child.kill("SIGKILL");
  }
}

async function runMpi({ names, addresses, start }, batches) {
  const isLoopback = names.length === 0;
  const device = isLoopback ? "lo" : "eth0";
  const flags = ["--allow-run-as-root", "--oversubscribe", "-n", String(addresses.length)];
  flags.push("--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", device);
  // Its ranks spin while they wait; here they share cores.
  flags.push("--mca", "mpi_yield_when_idle", "1");
  if (!isLoopback) {
    const agent = join(folder, "agent.sh");
    const cases = addresses.map((address, rank) => `${address}) ns=${names[rank]} ;;`);
    const script = `case "$1" in ${cases.join(" ")} esac\nshift\nexec ip netns exec "$ns" sh -c "$*"`;
    writeFileSync(agent, `#!/bin/sh\n${script}\n`);
    chmodSync(agent, 0o755);
    const hosts = addresses.map((address) => `${address}:1`).join(",");
    flags.push("--host", hosts, "--mca", "plm_rsh_agent", agent);
    flags.push("--mca", "oob_tcp_if_include", device, "--mca", "plm_rsh_no_tree_spawn", "1");
  }
  const command = ["mpirun", ...flags, mpi, batches, values.sizes];
  return outputOf(start(0, command, { stdio: ["ignore", "pipe", "inherit"] }));
}

async function outputOf(child) {
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  const [code, signal] = await once(child, "close");
  clearTimeout(timer);
  if (code !== 0) console.error(`${child.spawnargs.join(" ")} ended with ${code ?? signal}`);
  return stdout;
}
