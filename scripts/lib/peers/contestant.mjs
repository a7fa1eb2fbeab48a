/** One side of the comparison: a child that has the model loaded and runs cases when it is asked to. */

import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { loadedVariant } from "./cpu-libraries.mjs";
import { PeersError } from "./peers-error.mjs";

const scripts = {
  dllama: fileURLToPath(new URL("dllama-child.mjs", import.meta.url)),
  "llama.cpp": fileURLToPath(new URL("llama-cpp-child.mjs", import.meta.url)),
};

const running = new Set();
process.once("exit", () => running.forEach((child) => child.kill("SIGKILL")));

export class Contestant {
  #child;
  #name;
  /** @type {{ resolve: (message: object) => void, reject: (error: Error) => void } | undefined} */
  #waiting;

  /**
   * @param {"dllama" | "same" | "best"} name
   * @param {{ install?: string, modelPath: string, nThreads: number, contextSize: number }} job
   *   `install`: of llama.cpp
   * @returns {Promise<Contestant>} with its model loaded
   */
  static async start(name, job) {
    const contestant = new Contestant(name, job);
    contestant.machine = await contestant.#reply();
    if (name !== "dllama") {
      const maps = readFileSync(`/proc/${contestant.pid}/maps`, "utf8");
      contestant.variant = loadedVariant(maps);
    }
    return contestant;
  }

  constructor(name, job) {
    this.#name = name;
    const script = scripts[name === "dllama" ? "dllama" : "llama.cpp"];
    const child = fork(script, [JSON.stringify(job)], { stdio: ["ignore", 2, 2, "ipc"] });
    this.#child = child;
    running.add(child);
    child.on("message", (message) => {
      if (message.type === "error") this.#fail(`failed: ${message.message}`);
      else this.#waiting?.resolve(message);
    });
    child.once("exit", (exitCode, signal) => {
      running.delete(child);
      this.#fail(signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`);
    });
  }

  get name() {
    return this.#name;
  }

  get pid() {
    return this.#child.pid;
  }

  /** Puts `depth` tokens in the KV cache. */
  async fill(depth) {
    await this.#ask({ type: "fill", depth });
  }

  /**
   * @param {import("./cases.mjs").Case} test
   * @returns {Promise<{ runs: [number], outsideShare?: number }>}
   */
  async run(test) {
    return this.#ask({ type: "run", ...test });
  }

  async stop() {
    if (!running.has(this.#child)) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }

  async #ask(message) {
    const reply = this.#reply();
    this.#child.send(message);
    return reply;
  }

  #reply() {
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  #fail(problem) {
    this.#waiting?.reject(new PeersError("CHILD_FAILED", `the child of ${this.#name} ${problem}`));
  }
}
