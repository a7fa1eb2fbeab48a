/** A root that tells stories, seen from outside: its tokens and events as they come. */

import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("./root-child.mjs", import.meta.url));

export class StoryTeller {
  /** Emits `token`, `lost`, `recovered`, `end`, `error` (no EventEmitter error), each with its object. */
  #events = new EventEmitter();
  #child;
  #said = "";
  /** Resolves when the process has ended, with how. */
  ended;

  static async start(workers, options) {
    const teller = new StoryTeller(workers, options);
    await teller.#next("loaded");
    return teller;
  }

  constructor(workers, options) {
    this.#child = spawn(process.execPath, [SCRIPT, JSON.stringify({ workers, options })]);
    this.#child.stderr.setEncoding("utf8").on("data", (text) => (this.#said += text));
    // It is written to when it may have ended.
    this.#child.stdin.on("error", () => {});
    this.ended = once(this.#child, "close").then(([code, signal]) => code ?? signal);
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      const object = JSON.parse(line);
      this.#events.emit(object.type === "error" ? "failed" : object.type, object);
    });
  }

  /**
   * Tells one story. `onToken` is told how many there are, `onEvent` of losses and recoveries.
   *
   * @returns {Promise<number[]>} the tokens' ids
   */
  async tell(story, { onToken = () => {}, onEvent = () => {} } = {}) {
    const ids = [];
    const token = ({ id }) => onToken(ids.push(id));
    this.#events.on("token", token).on("lost", onEvent).on("recovered", onEvent);
    try {
      const end = this.#next("end");
      this.#child.stdin.write(`${JSON.stringify(story)}\n`);
      await end;
    } finally {
      this.#events.off("token", token).off("lost", onEvent).off("recovered", onEvent);
    }
    return ids;
  }

  async stop() {
    this.#child.stdin.end();
    return this.ended;
  }

  kill() {
    this.#child.kill("SIGKILL");
    return this.ended;
  }

  /** The next object of a type, unless something ends before. */
  async #next(type) {
    const stop = new AbortController();
    const failed = once(this.#events, "failed", stop).then(([{ code, message }]) => {
      throw new Error(`the story ended with ${code}: ${message}`);
    });
    const ended = this.ended.then((how) => {
      throw new Error(`the root ended by itself with ${how}: ${this.#said}`);
    });
    for (const other of [failed, ended]) other.catch(() => {});
    try {
      await Promise.race([once(this.#events, type, stop), failed, ended]);
    } finally {
      stop.abort();
    }
  }
}
