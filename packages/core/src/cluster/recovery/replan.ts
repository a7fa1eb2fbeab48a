/** `--on-lost replan`: the model over the workers that are left, or over this device alone. */

import { DllamaError } from "../../errors.ts";
import { addressIn, mayPass } from "./loss.ts";
import type { Loss } from "./loss.ts";
import { pause, unlessAborted } from "./unless-aborted.ts";

/** A worker that is left notices the loss and is free for the next session within three seconds. */
const FREE_WITHIN_MS = 6000;
const PAUSE_MS = 100;

/**
 * Loads with ever fewer workers until it succeeds. One that does not answer, or is not free in time, is
 * left out, too.
 *
 * @throws What fewer workers cannot mend, such as OUT_OF_MEMORY; the signal's reason.
 */
export async function shareOverThoseLeft<T>(
  workers: readonly string[],
  loss: Loss,
  load: (workers: readonly string[]) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  let left = workers.filter((_, index) => index + 1 !== loss.rank);
  let giveUp = performance.now() + FREE_WITHIN_MS;
  for (;;) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
      return await unlessAborted(load(left), signal);
    } catch (error) {
      const address = addressIn(error);
      if (!mayPass(error) || address === undefined) throw error;
      if (performance.now() > giveUp || isGone(error)) {
        left = left.filter((worker) => worker !== address);
        giveUp = performance.now() + FREE_WITHIN_MS;
      }
    }
    // oxlint-disable-next-line no-await-in-loop -- see above
    await pause(PAUSE_MS, signal);
  }
}

function isGone(error: unknown): boolean {
  return error instanceof DllamaError && error.code === "WORKER_UNREACHABLE";
}
