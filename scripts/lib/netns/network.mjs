/**
 * Ranks' network namespaces, joined by a switch with slow links: each has a device `eth0` and an address.
 * `tc` shapes what a rank sends, and `shaped_switch` (crates/net/examples) what it receives; delay,
 * jitter and losses are the switch's.
 */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { run } from "../children.mjs";
import { root } from "../workspace.mjs";

const SWITCH = join(root, "target/release/examples/shaped_switch");
const BUILD_MS = 600_000;
const NAMESPACES = "/run/netns";
const PREFIX = "dllama";
/** Ethernet, IPv4, and TCP with timestamps: what a segment's interface counters have beside its payload. */
export const SEGMENT_HEADER_BYTES = 14 + 20 + 32;

const networks = new Set();

/**
 * @typedef {object} Network
 * @property {string[]} names of the namespaces, one a rank
 * @property {string[]} addresses one a rank
 * @property {(rank: number, command: string[], options?: object) => import("node:child_process").ChildProcess}
 *   start runs a command in a rank's namespace; its process id is the command's own
 * @property {(rank: number) => { sentBytes: number, sentPackets: number, receivedBytes: number,
 *   receivedPackets: number }} counters of a rank's device
 * @property {(rank: number, isUp: boolean) => void} setLink unplugs a rank, or plugs it in again
 * @property {() => void} close
 */

/**
 * @param {number} nRanks
 * @param {import("./links.mjs").ShapedLink} link
 * @param {number} [seed] of jitter and losses
 * @returns {Promise<Network>}
 */
export async function makeNetwork(nRanks, link, seed = 6) {
  removeLeftovers();
  await buildSwitch();
  const id = `${process.pid}-${networks.size}`;
  const names = Array.from({ length: nRanks }, (_, rank) => `${PREFIX}-${id}-${rank}`);
  const state = { names, child: undefined };
  networks.add(state);
  const close = () => tearDown(state);
  try {
    const devices = await startSwitch(state, `dl${process.pid}x`, nRanks, link, seed);
    names.forEach((name, rank) => plugIn(name, devices[rank], addressOf(rank), link));
  } catch (error) {
    close();
    throw error;
  }
  return {
    names,
    addresses: names.map((_, rank) => addressOf(rank)),
    start: (rank, [program, ...args], options) =>
      spawn("ip", ["netns", "exec", names[rank], program, ...args], options),
    counters: (rank) => readCounters(names[rank]),
    setLink: (rank, isUp) => ip("-n", names[rank], "link", "set", "eth0", isUp ? "up" : "down"),
    close,
  };
}

const addressOf = (rank) => `10.77.0.${rank + 1}`;

function ip(...args) {
  return execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

async function buildSwitch() {
  const crate = ["--package", "dllama-net", "--example", "shaped_switch"];
  const command = ["cargo", "build", "--quiet", "--release", "--locked", ...crate];
  const { problem, output } = await run(command, { timeoutMs: BUILD_MS });
  if (problem !== undefined) throw new Error(`${output}\nThe switch's build ${problem}.`);
}

async function startSwitch(state, prefix, nRanks, link, seed) {
  const { delayMs, jitterMs, lossShare, mbit } = link;
  const args = [delayMs * 1000, jitterMs * 1000, lossShare * 1e6, mbit, seed];
  const child = spawn(SWITCH, [prefix, nRanks, ...args].map(String), {
    stdio: ["pipe", "pipe", "inherit"],
  });
  state.child = child;
  const failed = once(child, "exit").then(() => {
    throw new Error("the switch ended before its devices were there");
  });
  const [line] = await Promise.race([once(child.stdout, "data"), failed]);
  failed.catch(() => {});
  return String(line).trim().split(" ");
}

function plugIn(name, device, address, { mbit }) {
  ip("netns", "add", name);
  ip("link", "set", device, "netns", name, "name", "eth0");
  // Without an IPv6 address the device sends nothing by itself, and the counters are the ranks'.
  ip("-n", name, "link", "set", "eth0", "addrgenmode", "none");
  ip("-n", name, "address", "add", `${address}/24`, "dev", "eth0");
  ip("-n", name, "link", "set", "lo", "up");
  ip("-n", name, "link", "set", "eth0", "up");
  // The burst is what goes out in 2 ms at most: less would hold up what one timer tick lets through.
  const burst = Math.max(32_000, Math.round((mbit * 1e6) / 8 / 500));
  const rate = ["tbf", "rate", `${mbit}mbit`, "burst", String(burst), "latency", "100ms"];
  execFileSync("tc", ["-n", name, "qdisc", "add", "dev", "eth0", "root", ...rate]);
}

function readCounters(name) {
  const [{ stats64 }] = JSON.parse(ip("-n", name, "-s", "-j", "link", "show", "eth0"));
  return {
    sentBytes: stats64.tx.bytes,
    sentPackets: stats64.tx.packets,
    receivedBytes: stats64.rx.bytes,
    receivedPackets: stats64.rx.packets,
  };
}

function tearDown(state) {
  if (!networks.delete(state)) return;
  // The devices go with the switch, wherever they are.
  state.child?.kill("SIGKILL");
  for (const name of state.names) removeNamespace(name);
}

function removeNamespace(name) {
  if (!existsSync(join(NAMESPACES, name))) return;
  try {
    ip("netns", "delete", name);
  } catch (error) {
    console.error(`the network namespace ${name} is left: ${error.message}`);
  }
}

/** Namespaces of a process that was killed before it could remove them. */
function removeLeftovers() {
  const names = existsSync(NAMESPACES) ? readdirSync(NAMESPACES) : [];
  for (const name of names) {
    const [, pid] = new RegExp(`^${PREFIX}-(\\d+)-\\d+-\\d+$`).exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeNamespace(name);
  }
}

process.once("exit", () => networks.forEach(tearDown));
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
]) {
  process.once(signal, () => process.exit(code));
}
