/** Waiting that a signal cuts short. */

import { setTimeout as sleep } from "node:timers/promises";

/**
 * The promise's result, unless the signal is aborted first: then its reason is thrown, and what the
 * promise is about goes on unheeded. `graceMs`: how long it may still take after that.
 */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  graceMs = 0,
): Promise<T> {
  // It may be rejected when nobody listens any more.
  promise.catch(() => {});
  signal.throwIfAborted();
  let stop = (): void => {};
  let timer: NodeJS.Timeout | undefined;
  const aborted = new Promise<never>((_, reject) => {
    // oxlint-disable-next-line prefer-promise-reject-errors -- whatever the caller has aborted with
    const giveUp = (): void => reject(signal.reason);
    stop = () => {
      if (graceMs === 0) giveUp();
      else timer = setTimeout(giveUp, graceMs);
    };
    signal.addEventListener("abort", stop);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
    clearTimeout(timer);
  }
}

/** @throws The signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
