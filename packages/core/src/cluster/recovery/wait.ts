/** `--on-lost wait`: the same workers again, as soon as all of them answer. */

import { DllamaError } from "../../errors.ts";
import { mayPass } from "./loss.ts";
import { pause, unlessAborted } from "./unless-aborted.ts";

/** A worker that noticed the loss is free after a few milliseconds. */
const FIRST_PAUSE_MS = 50;
/** A restarted worker is found within as much; each attempt costs a few small packets. */
const LONGEST_PAUSE_MS = 1000;
/** A worker far away, too, answers a hello in this time. */
const LEAST_PATIENCE_MS = 1000;

/**
 * Connects until it succeeds. The deadline is for workers to answer: weights that are under way are not
 * cut short.
 *
 * @param connect is told for how long to try
 * @param deadline by the clock of `performance.now()`
 * @throws What does not pass by itself; the signal's reason; `loss` after the deadline.
 */
export async function waitForWorkers<T>(
  connect: (patienceMs: number) => Promise<T>,
  loss: DllamaError,
  deadline: number,
  signal: AbortSignal,
): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const patienceMs = Math.max(deadline - performance.now(), LEAST_PATIENCE_MS);
    try {
      // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
      return await unlessAborted(connect(patienceMs), signal);
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (performance.now() + pauseMs > deadline) throw tooLate(loss, error);
    }
    // oxlint-disable-next-line no-await-in-loop -- see above
    await pause(pauseMs, signal);
  }
}

function tooLate(loss: DllamaError, cause: unknown): DllamaError {
  const last = cause instanceof Error ? `; the last attempt to reconnect: ${cause.message}` : "";
  return new DllamaError("PEER_LOST", `${loss.message}${last}`, { hint: loss.hint, cause });
}
