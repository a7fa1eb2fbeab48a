/** Workers as people run them, each a process behind a network of its own that can fail. */

import { spawn } from "node:child_process";
import { once } from "node:events";
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

export class SoakWorker {
  proxy;
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
  async run() {
    const child = spawn(process.execPath, [MAIN, "worker", "--port", "0", "--nthreads", "1"]);
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
  }
}
