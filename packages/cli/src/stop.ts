/**
 * Requests to end early: Ctrl-C, SIGTERM, the end of the terminal, and a stdout that nobody reads any more
 * (`| head -1`). The first one aborts the signal, so that the command ends cleanly and prints what it owes.
 * What has not ended then within two seconds, a row of a large model or a call to a disk that does not answer,
 * is abandoned; a second Ctrl-C ends at once.
 */

import { once } from "node:events";

import { isToBeIgnored } from "./inherited-signals.ts";
import { log } from "./output/log.ts";

/** A chunk of a prompt may take a minute on a small board: then a person is told what they wait for. */
const PATIENCE_MS = 500;
const STOPPING = "Finishing what is under way; Ctrl-C again ends at once.";
/** Supervisors wait for 2 s and more before they send SIGKILL. */
const DEADLINE_MS = 1500;

/** 128 + the signal's number, as shells count. */
const REQUESTS = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const;

interface StopOptions {
  /** Whether being stopped is how the command ends: a server's exit code is then 0. Defaults to `false`. */
  isServer?: boolean;
}

/**
 * Runs a command's work and gives the exit code: the work's, or that of the request that ended it.
 * What the work throws because it was aborted is not an error.
 */
export async function untilStopped(
  work: (signal: AbortSignal) => Promise<number | void>,
  { isServer = false }: StopOptions = {},
): Promise<number> {
  prepareEnd().catch(() => {});
  const controller = new AbortController();
  const { signal } = controller;
  let exitCode = 0;
  for (const [name, code] of REQUESTS) {
    if (name !== "SIGTERM" && isToBeIgnored(name)) {
      process.on(name, () => {});
      continue;
    }
    process.on(name, () => {
      if (signal.aborted) endNow(code);
      exitCode = isServer ? 0 : code;
      controller.abort();
      setTimeout(() => log.info(STOPPING), PATIENCE_MS).unref();
      setTimeout(() => endNow(exitCode), DEADLINE_MS).unref();
    });
  }
  process.stdout.on("error", () => controller.abort());
  try {
    const workCode = await work(signal);
    if (!signal.aborted) return workCode ?? 0;
    // A recovery that was abandoned would keep the process alive until it is done.
    setTimeout(() => endNow(exitCode), PATIENCE_MS).unref();
  } catch (error) {
    if (!signal.aborted || !isAbort(error)) throw error;
    // What was abandoned, a load for instance, would keep the process alive until it is done.
    endNow(exitCode);
  }
  return exitCode;
}

/** For what cannot be aborted itself: its result, unless the signal comes first. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  await Promise.race([promise, once(signal, "abort")]);
  signal.throwIfAborted();
  return promise;
}

let endProcess: ((code: number) => never) | undefined;

/** The commands load the library in any case. */
async function prepareEnd(): Promise<void> {
  ({ endProcess } = await import("@dllama/core"));
}

/** Ends after what is to be done at an exit, and without waiting for any thread. */
function endNow(code: number): never {
  process.once("exit", () => {
    try {
      endProcess?.(code);
    } catch {
      // Without the addon the process ends as Node does it.
    }
  });
  return process.exit(code);
}

function isAbort(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === "AbortError" || ("code" in error && error.code === "ABORTED");
}
