/** A pause of the text and its end, in words. */

import type { ClusterEvent, OnLost } from "@dllama/core";

/** What is done about a loss. */
const NEXT: Record<OnLost, string | undefined> = {
  wait: "Waiting for it to come back.",
  replan: "Sharing the model over the devices that are left.",
  fail: undefined,
};

/** Undefined for a loss that ends the run: the error says it. */
export function clusterEventText(event: ClusterEvent): string | undefined {
  if (event.type === "recovered") {
    const ranks = event.worldSize === 1 ? "this device alone" : `${event.worldSize} ranks`;
    return `The text goes on with ${ranks}, ${(event.afterMs / 1000).toFixed(1)} s after the loss.`;
  }
  const next = NEXT[event.onLost];
  return next === undefined ? undefined : `${event.reason}. ${next}`;
}
