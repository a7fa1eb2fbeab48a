/**
 * Programs that a proof starts, each in a process group of its own: what npx or a chroot has started ends
 * with it, and all of them end with this process.
 */

import { spawn } from "node:child_process";

/** An installation over a slow network, or Node under an emulator, takes a few minutes at most. */
const TIMEOUT_MS = 300_000;
const GRACE_MS = 5000;

const running = new Set();
process.on("exit", () => running.forEach((program) => program.signal("SIGKILL")));

/** What a program did that should have done another thing: the proof's line fails with it. */
export class ProofError extends Error {}

export class Program {
  #child;
  #output = { stdout: "", stderr: "" };
  #words;
  /** Resolves to exit code, stdout and stderr. */
  ended;

  /**
   * @param {string[]} command
   * @param {{ cwd: string, env: Record<string, string> }} where the environment is all that it has
   */
  constructor([program, ...args], { cwd, env }) {
    this.#words = [program, ...args].join(" ");
    this.#child = spawn(program, args, {
      cwd,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this);
    for (const name of ["stdout", "stderr"]) {
      this.#child[name].setEncoding("utf8").on("data", (text) => (this.#output[name] += text));
    }
    const timer = setTimeout(() => {
      this.#output.stderr += `\nnot at its end after ${TIMEOUT_MS / 1000} s`;
      this.signal("SIGKILL");
    }, TIMEOUT_MS);
    this.ended = new Promise((resolve) => {
      const finish = (code, signal) => {
        clearTimeout(timer);
        running.delete(this);
        resolve({ code: code ?? signal, ...this.#output });
      };
      this.#child.once("error", (error) => {
        this.#output.stderr += error.message;
        finish(127, null);
      });
      this.#child.once("close", finish);
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** Stdout of a program that ended with exit code 0; anything else fails. */
  async succeeds() {
    const { code, stdout, stderr } = await this.ended;
    if (code === 0) return stdout;
    throw new ProofError(`${this.#words}\nended with ${code}:\n${stdout}${stderr}`);
  }

  /** Stderr of a program that ended with another exit code; success fails. */
  async fails() {
    const { code, stdout, stderr } = await this.ended;
    if (code !== 0) return stderr;
    throw new ProofError(`${this.#words}\nshould have failed, and printed:\n${stdout}${stderr}`);
  }

  /** The first match in what it has printed to stdout, as soon as there is one. */
  async printed(pattern) {
    for (;;) {
      const match = pattern.exec(this.#output.stdout);
      if (match !== null) return match;
      const more = new Promise((resolve) => {
        this.#child.stdout.once("data", () => resolve());
      });
      const end = await Promise.race([more, this.ended]);
      if (end !== undefined && !pattern.test(end.stdout)) {
        const text = `ended with ${end.code} before it printed ${pattern}`;
        throw new ProofError(`${this.#words}\n${text}:\n${end.stdout}${end.stderr}`);
      }
    }
  }

  /** Asks it and all that it has started to end. */
  async stop() {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), GRACE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  signal(name) {
    try {
      process.kill(-this.#child.pid, name);
    } catch {
      // The group has ended already.
    }
  }
}
