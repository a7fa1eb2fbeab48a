/** What a rank will take of its device, as people read it. */

import { memoryParts } from "@dllama/core";
import type { SharedRank } from "@dllama/core";
import { formatBytes } from "./units.ts";

/** `rank 1 (10.0.0.2:9998), 4 of 4 cores: takes 512.00 MiB of 3.20 GiB that are free (weights ..., KV cache ..., buffers ..., scratch ..., turns ...)` */
export function sharedRankText(shared: SharedRank, rank: number): string {
  const { address = "this device", nThreads, nCores, freeBytes, memory } = shared;
  const free = freeBytes === null ? "" : ` of ${formatBytes(freeBytes)} that are free`;
  const mapped =
    memory.mappedBytes === 0 ? "" : `, and maps ${formatBytes(memory.mappedBytes)} of the model`;
  return (
    `rank ${rank} (${address}), ${nThreads} threads on ${nCores} cores: takes ${formatBytes(memory.totalBytes)}${free} ` +
    `(${memoryParts(memory, formatBytes)})${mapped}`
  );
}
