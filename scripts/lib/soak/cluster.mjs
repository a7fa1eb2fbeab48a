/** Workers as people run them, each a process behind a network of its own that can fail. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { root } from "../workspace.mjs";
import { Proxy } from "./proxy.mjs";

const MAIN = join(root, "packages/cli/dist/main.js");
/** A worker listens after some hundred milliseconds; a busy machine takes longer. */
const START_TIMEOUT_MS = 60_000;

export class Cluster {
  /** @type {SoakWorker[]} */
  workers = [];
  /** What no fault of ours explains: a worker that ended by itself. */
  crashes = [];

  static async start(nWorkers) {
    const cluster = new Cluster();
    for (let n = 0; n < nWorkers; n++) cluster.workers.push(await SoakWorker.start(cluster));
    return cluster;
  }

  get addresses() {
    return this.workers.map(({ proxy }) => `127.0.0.1:${proxy.port}`);
  }

  async stop() {
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }
}

/**
 * Runs what follows with a disk of 64 KiB at its first argument, a quarter of a worker's weights: in a mount
 * namespace that is gone with the process.
 */
const SMALL_DISK = [
  "unshare",
  "--mount",
  "sh",
  "-c",
  'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"',
];

/** Whether this process may make one. */
export const canFillDisks = process.platform === "linux" && process.getuid() === 0;

export class SoakWorker {
  proxy;
  /** Where it keeps weights. */
  cacheFolder = mkdtempSync(join(tmpdir(), "dllama-soak-"));
  #cluster;
  #child;
  #isExpectedToEnd = false;

  static async start(cluster) {
    const worker = new SoakWorker();
    worker.#cluster = cluster;
    worker.proxy = await Proxy.start();
    await worker.run();
    return worker;
  }

  /** Starts the process, on a port of its own behind the address that stays. */
  async run({ hasFullDisk = false } = {}) {
    const flags = ["--port", "0", "--nthreads", "1", "--cache-dir", this.cacheFolder];
    const disk = hasFullDisk ? [...SMALL_DISK, this.cacheFolder] : [];
    const [program, ...args] = [...disk, process.execPath, MAIN, "worker", ...flags];
    const child = spawn(program, args);
    this.#child = child;
    this.#isExpectedToEnd = false;
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (said = (said + text).slice(-4000)));
    child.once("exit", (code, signal) => {
      if (this.#isExpectedToEnd) return;
      this.#cluster.crashes.push(`a worker ended by itself with ${code ?? signal}:\n${said}`);
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
    const [line] = await once(child.stdout, "data");
    clearTimeout(timer);
    this.proxy.target = Number(String(line).trim().split(":").at(-1));
  }

  /** A signal that ends it, and that it is gone. */
  async end(signal) {
    const child = this.#child;
    this.#isExpectedToEnd = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  /** A signal that leaves it there. */
  signal(name) {
    this.#child.kill(name);
  }

  async stop() {
    this.#child.kill("SIGCONT");
    await this.end("SIGKILL");
    this.proxy.close();
    rmSync(this.cacheFolder, { recursive: true, force: true });
  }
}
