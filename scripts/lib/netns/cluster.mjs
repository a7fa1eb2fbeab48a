/** The real program on ranks with a namespace each. */

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { root } from "../workspace.mjs";
import { makeNetwork } from "./network.mjs";

const MAIN = join(root, "packages/cli/dist/main.js");
const PORT = 9998;
/** A run that hangs fails; none takes a tenth on an idle machine. */
const TIMEOUT_MS = 240_000;

/**
 * Makes a network with a worker on every rank but the first, calls `use`, and ends all of it.
 *
 * @template T
 * @param {number} nRanks
 * @param {import("./links.mjs").ShapedLink} link
 * @param {(cluster: { network: import("./network.mjs").Network,
 *   root: (...args: string[]) => Promise<string> }) => Promise<T>} use `root` runs the program on rank 0,
 *   with the workers where it takes them, and gives its stdout
 * @returns {Promise<T>}
 */
export async function withCluster(nRanks, link, use) {
  const network = await makeNetwork(nRanks, link);
  const folder = mkdtempSync(join(tmpdir(), "dllama-netns-"));
  const children = new Set();
  const start = (rank, args) => {
    // No rank sees what another one keeps.
    const place = (name) => join(folder, `${rank}-${name}`);
    const env = {
      ...process.env,
      XDG_CACHE_HOME: place("cache"),
      XDG_CONFIG_HOME: place("config"),
      DLLAMA_TOKEN: "of all ranks in the namespaces",
    };
    const command = [process.execPath, MAIN, ...args];
    const child = network.start(rank, command, { env, stdio: ["ignore", "pipe", "pipe"] });
    children.add(child);
    child.stdout.setEncoding("utf8");
    child.stderr.setEncoding("utf8");
    return child;
  };
  const cleanUp = () => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", cleanUp);
  try {
    const addresses = network.addresses.slice(1).map((address) => `${address}:${PORT}`);
    await Promise.all(
      network.addresses.slice(1).map(async (address, index) => {
        const flags = ["--host", address, "--port", String(PORT), "--nthreads", "1"];
        const worker = start(index + 1, ["worker", ...flags]);
        worker.stderr.resume();
        await once(worker.stdout, "data");
      }),
    );
    const workers = addresses.length > 0 ? ["--workers", ...addresses] : [];
    const runRoot = (...args) => outputOf(start(0, [...args, "--nthreads", "1", ...workers]));
    return await use({ network, root: runRoot });
  } finally {
    process.off("exit", cleanUp);
    cleanUp();
    network.close();
  }
}

async function outputOf(child) {
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (text) => (output.stdout += text));
  child.stderr.on("data", (text) => (output.stderr += text));
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  const [code, signal] = await once(child, "close");
  clearTimeout(timer);
  if (code === 0) return output.stdout;
  throw new Error(`the root ended with ${code ?? signal}: ${output.stderr}`);
}
