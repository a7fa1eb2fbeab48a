/**
 * What every measurement needs: a temporary folder, children that end with it, and a heading that names
 * the machine.
 *
 * @typedef {object} Measurement
 * @property {string} folder temporary; goes away with the measurement
 * @property {(script: string, ...args: string[]) => import("node:child_process").ChildProcess} node
 *   starts a script with Node, stdout and stderr as pipes
 * @property {(...args: string[]) => import("node:child_process").ChildProcess} dllama starts the
 *   compiled program
 * @property {(...flags: string[]) => Promise<{ child: import("node:child_process").ChildProcess,
 *   address: string }>} worker starts a worker on a free port
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";

import { root } from "../workspace.mjs";

const MAIN = join(root, "packages/cli/dist/main.js");

/**
 * Prints the heading and then what `work` prints. Children and folder are gone at the end, also after
 * Ctrl-C.
 *
 * @param {(measurement: Measurement) => Promise<void>} work
 */
export async function measurement(work) {
  const folder = mkdtempSync(join(tmpdir(), "dllama-measure-"));
  // What was kept by an earlier run, or by whoever works here, would be measured with it; and a
  // measurement leaves nothing in their folders.
  const config = join(folder, "config");
  mkdirSync(join(config, "dllama"), { recursive: true });
  writeFileSync(join(config, "dllama", "token"), "the token of a measurement\n", { mode: 0o600 });
  const cache = { XDG_CACHE_HOME: join(folder, "cache") };
  const env = { ...process.env, ...cache, XDG_CONFIG_HOME: config, DLLAMA_TOKEN: "" };
  const children = new Set();
  const node = (script, ...args) => {
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env,
    });
    children.add(child);
    child.once("close", () => children.delete(child));
    child.stdout.setEncoding("utf8");
    child.stderr.setEncoding("utf8");
    return child;
  };
  const dllama = (...args) => node(MAIN, ...args);
  const worker = async (...flags) => {
    const child = dllama("worker", "--host", "127.0.0.1", "--port", "0", ...flags);
    const [line] = await once(child.stdout, "data");
    return { child, address: line.trim().split(" ").at(-1) };
  };
  const cleanUp = () => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("SIGINT", () => {
    cleanUp();
    process.exit(130);
  });
  const processor = cpus()[0]?.model.trim() || process.arch;
  console.log(`${processor}, ${availableParallelism()} cores, Node ${process.version}\n`);
  try {
    await work({ folder, node, dllama, worker });
  } finally {
    cleanUp();
  }
}

/**
 * What a child printed, once it has ended well.
 *
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<string>}
 */
export async function outputOf(child) {
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const [code, signal] = await once(child, "close");
  if (code === 0) return stdout;
  throw new Error(`${child.spawnargs.join(" ")} ended with ${code ?? signal}: ${stderr}`);
}

/** Objects that a child printed, one a line. */
export function jsonLines(text) {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
