/** What the model of `dllama plan` predicts for the original's published rows. */

import { SHAPES } from "../../../packages/converter/dist/synthetic/shapes.js";
import { tokenTime } from "../../../packages/core/dist/planning/costs.js";
import { LINKS } from "../../../packages/core/dist/planning/links.js";
import { totalBytes, totalWork } from "../../../packages/core/dist/planning/token-work.js";
import { originalPhases, PUBLISHED } from "./original.mjs";

/**
 * The original's kernels have one figure, the bytes of weights that they read a second, fitted from the row
 * of one node alone. All other rows are predictions.
 */
export function predictions() {
  const [alone] = PUBLISHED;
  const { readBytes } = totalWork(originalPhases(SHAPES[alone.shape], 1), 0);
  const gbPerSecond = readBytes / alone.tokenMs / 1e6;
  const rows = PUBLISHED.map(({ shape, nNodes, tokenMs: publishedMs, sentKb, receivedKb }) => {
    const phases = originalPhases(SHAPES[shape], nNodes);
    const device = { gbPerSecond, gops: Number.POSITIVE_INFINITY };
    const devices = Array.from({ length: nNodes }, () => device);
    const time = tokenTime(phases, devices, LINKS["1gbit"]);
    return {
      shape,
      nNodes,
      time,
      publishedMs,
      error: time.totalMs / publishedMs - 1,
      sentKb: totalBytes(phases, "sentBytes", 0) / 1024,
      receivedKb: totalBytes(phases, "receivedBytes", 0) / 1024,
      publishedKb: sentKb === undefined ? undefined : { sentKb, receivedKb },
    };
  });
  return { gbPerSecond, rows };
}
