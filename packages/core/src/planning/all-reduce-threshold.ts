/** Which partials are scattered, by the rule that the engine follows (`Plan::of` in `crates/engine`). */

import type { Link } from "./links.ts";

/** Largest threshold: a u32 on the wire. */
const MAX_BYTES = 2 ** 32 - 1;

/** Bytes of the smallest partial that is scattered; null if none is. */
export function allReduceThreshold(
  worldSize: number,
  { latencyMs, bytesPerSecond }: Pick<Link, "latencyMs" | "bytesPerSecond">,
): number | null {
  if (worldSize <= 2) return null;
  const inFlight = (latencyMs / 1000) * bytesPerSecond;
  const nBytes = (inFlight * worldSize) / ((worldSize - 1) * (worldSize - 2));
  return nBytes < MAX_BYTES ? Math.ceil(nBytes) : null;
}
