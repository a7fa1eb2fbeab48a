/** A pause of the load or the text and its end, in words. */

import type { ClusterEvent, OnLost } from "@dllama/core";

/**
 * Undefined for a loss that ends the run: the error says it.
 *
 * @param what pauses
 * @param waitSeconds how long `wait` waits
 */
export function clusterEventText(
  event: ClusterEvent,
  what: "model" | "text",
  waitSeconds: number,
): string | undefined {
  if (event.type === "recovered") {
    const ranks = event.worldSize === 1 ? "this device alone" : `${event.worldSize} ranks`;
    const goesOn = what === "text" ? `The text goes on with` : `The model is loaded on`;
    return `${goesOn} ${ranks}, ${(event.afterMs / 1000).toFixed(1)} s after the loss.`;
  }
  const next = nextStep(event.onLost, waitSeconds);
  return next === undefined ? undefined : `${event.reason}. ${next}`;
}

/** What is done about a loss. */
function nextStep(onLost: OnLost, waitSeconds: number): string | undefined {
  const steps: Record<OnLost, string | undefined> = {
    wait: `Waiting up to ${waitSeconds} s for it to come back.`,
    replan: "Sharing the model over the devices that are left.",
    fail: undefined,
  };
  return steps[onLost];
}
