/** Runs the built program as people do: a process with its own stdin, stdout, stderr, signals and exit code. */

import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
export const fixtures = fileURLToPath(new URL("../../../../fixtures/", import.meta.url));

/** Far above what any one run takes, far below the test runner's own limit of a file. */
const TIMEOUT_MS = 60_000;
/** A worker serves all runs of a test file: it may live as long as the file does. */
const SERVER_TIMEOUT_MS = 600_000;

/** A folder of its own, removed when the test file ends, as every program that still runs is ended. */
export const folder = mkdtempSync(join(tmpdir(), "dllama-cli-"));

/** The user's token and cache are not the tests', and theirs are not the user's. */
const home = mkdtempSync(join(tmpdir(), "dllama-cli-home-"));
const config = join(home, "config");
mkdirSync(join(config, "dllama"), { recursive: true });
writeFileSync(join(config, "dllama", "token"), "the token of a test file\n", { mode: 0o600 });
const ownEnvironment = {
  XDG_CONFIG_HOME: config,
  XDG_CACHE_HOME: join(home, "cache"),
  DLLAMA_TOKEN: "",
};
// What a test calls of the library has them, too.
Object.assign(process.env, ownEnvironment);

process.on("exit", () => {
  for (const program of running) program.kill("SIGKILL");
  for (const own of [folder, home]) rmSync(own, { recursive: true, force: true });
});

export interface Outcome {
  /** As a shell shows it: 128 + the signal's number where a signal ended the process. */
  code: number;
  stdout: string;
  stderr: string;
}

interface Options {
  /** Written to the program's stdin, which then ends; null leaves it open. Defaults to nothing. */
  stdin?: string | null;
  /** After so long it is killed, so that a test which hangs fails. Defaults to a minute. */
  timeoutMs?: number;
  /** Beside the harness's own. */
  environment?: Record<string, string>;
  /** What it is run with, before its own command line. Defaults to nothing. */
  within?: readonly string[];
}

export class Program {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #output = { stdout: "", stderr: "" };
  /** How it ended. */
  readonly ended: Promise<Outcome>;

  constructor(args: readonly string[], options: Options = {}) {
    const { stdin = "", timeoutMs = TIMEOUT_MS, environment = {}, within = [] } = options;
    const [program, ...words] = [...within, process.execPath, main, ...args];
    const env = { ...process.env, ...environment };
    this.#child = spawn(program ?? process.execPath, words, { env });
    running.add(this);
    for (const name of ["stdout", "stderr"] as const) {
      this.#child[name].setEncoding("utf8").on("data", (text: string) => {
        this.#output[name] += text;
      });
    }
    // A program that ends without reading its stdin closes the pipe under us.
    this.#child.stdin.on("error", () => {});
    if (stdin !== null) this.#child.stdin.end(stdin);
    const timer = setTimeout(() => this.kill("SIGKILL"), timeoutMs);
    this.ended = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        clearTimeout(timer);
        running.delete(this);
        resolve({ code: code ?? 128 + (signal === "SIGKILL" ? 9 : 0), ...this.#output });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** By its process id alone. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Reads no further from stdout, as `head` does when it has enough. */
  closeStdout(): void {
    this.#child.stdout.destroy();
  }

  /** The first match in what it has printed, as soon as there is one. */
  async printed(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output[stream]);
      if (match !== null) return match;
      const more = new Promise((resolve) => this.#child[stream].once("data", resolve));
      const end = await Promise.race([more.then(() => undefined), this.ended]);
      if (end !== undefined && !pattern.test(end[stream])) {
        throw new Error(
          `exit code ${end.code} before ${pattern} came:\n${end.stdout}${end.stderr}`,
        );
      }
    }
  }
}

const running = new Set<Program>();

/** Runs to the end. */
export async function dllama(args: readonly string[], options: Options = {}): Promise<Outcome> {
  return new Program(args, options).ended;
}

/** Where a worker listens, and what it is told beside. */
interface WorkerOptions extends Options {
  /** Defaults to a free one. */
  port?: number;
  args?: readonly string[];
}

/** A worker on a loopback port, once it listens. */
export async function startWorker({
  port = 0,
  args = [],
  ...options
}: WorkerOptions = {}): Promise<{ program: Program; address: string }> {
  const where = ["--host", "127.0.0.1", "--port", String(port), "--nthreads", "1"];
  const program = new Program(["worker", ...where, ...args], {
    timeoutMs: SERVER_TIMEOUT_MS,
    ...options,
  });
  const [, address = ""] = await program.printed("stdout", /^Listening on (\S+)$/m);
  return { program, address };
}

export function jsonLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line): Record<string, unknown> => JSON.parse(line));
}
