/**
 * A rank that is gone before there is an engine: the load is begun again under the same rule as a text. What the
 * workers have got by then they keep, and it is not sent again.
 */

import type { LoadedRanks } from "../ranks.ts";
import { lossOf } from "./loss.ts";
import { DEFAULT_ON_LOST_TIMEOUT_MS, NEVER } from "./recovery.ts";
import type { ClusterEvent, LossOptions } from "./recovery.ts";
import { shareOverThoseLeft } from "./replan.ts";
import { waitForWorkers } from "./wait.ts";

export interface LoadLossOptions extends LossOptions {
  /** Told when a rank is gone while the model loads, and when it has loaded all the same. */
  onEvent?: ((event: ClusterEvent) => void) | undefined;
}

/**
 * A worker that never answered is no loss: an address that is wrong shows at once.
 *
 * @throws What `load` throws, if it is no loss or a loss is to end it.
 */
export async function loadDespiteLosses(
  workers: readonly string[],
  load: (workers: readonly string[]) => Promise<LoadedRanks>,
  options: LoadLossOptions,
): Promise<LoadedRanks> {
  try {
    return await load(workers);
  } catch (error) {
    const loss = lossOf(error);
    if (loss === undefined) throw error;
    const { onLost = "wait", onLostTimeoutMs = DEFAULT_ON_LOST_TIMEOUT_MS, onEvent } = options;
    const { rank, address } = loss;
    onEvent?.({ type: "lost", rank, address, reason: loss.error.message, onLost });
    if (onLost === "fail") throw error;
    const since = performance.now();
    const loaded =
      onLost === "replan"
        ? await shareOverThoseLeft(workers, loss, load, NEVER)
        : await waitForWorkers(() => load(workers), loss.error, since + onLostTimeoutMs, NEVER);
    const worldSize = loaded.workers.length + 1;
    onEvent?.({ type: "recovered", rank, address, afterMs: performance.now() - since, worldSize });
    return loaded;
  }
}
