/**
 * Requests to end early: Ctrl-C, SIGTERM, and a stdout that nobody reads any more (`| head -1`).
 * The first one aborts the signal, so that the command ends cleanly and prints what it owes; a
 * second Ctrl-C ends at once.
 */

import { once } from "node:events";

import { log } from "./output/log.ts";

/** A chunk of a prompt may take a minute on a small board: then a person is told what they wait for. */
const PATIENCE_MS = 500;
const STOPPING = "Finishing what is under way; Ctrl-C again ends at once.";

/** 128 + the signal's number, as shells count. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs a command's work and gives the exit code: 0, or that of the request that ended it.
 * What the work throws because it was aborted is not an error.
 */
export async function untilStopped(work: (signal: AbortSignal) => Promise<void>): Promise<number> {
  const controller = new AbortController();
  const { signal } = controller;
  let exitCode = 0;
  for (const [name, code] of Object.entries(EXIT_CODES)) {
    process.on(name, () => {
      if (signal.aborted) process.exit(code);
      exitCode = code;
      controller.abort();
      setTimeout(() => log.info(STOPPING), PATIENCE_MS).unref();
    });
  }
  process.stdout.on("error", () => controller.abort());
  try {
    await work(signal);
    // A recovery that was abandoned would keep the process alive until it is done.
    if (signal.aborted) setTimeout(() => process.exit(exitCode), PATIENCE_MS).unref();
  } catch (error) {
    if (!signal.aborted || !isAbort(error)) throw error;
    // What was abandoned, a load for instance, would keep the process alive until it is done.
    process.exit(exitCode);
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

function isAbort(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === "AbortError" || ("code" in error && error.code === "ABORTED");
}
