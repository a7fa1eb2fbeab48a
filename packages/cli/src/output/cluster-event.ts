/** A pause of the text and its end, in words. */

import type { ClusterEvent } from "@dllama/core";

/** Undefined for a loss that ends the run: the error says it. */
export function clusterEventText(event: ClusterEvent): string | undefined {
  if (event.type === "recovered") {
    const ranks = event.worldSize === 1 ? "this device alone" : `${event.worldSize} ranks`;
    return `The text goes on with ${ranks}, ${(event.afterMs / 1000).toFixed(1)} s after the loss.`;
  }
  switch (event.onLost) {
    case "wait":
      return `${event.reason}. Waiting for it to come back.`;
    case "replan":
      return `${event.reason}. Sharing the model over the devices that are left.`;
    default:
      return undefined;
  }
}
