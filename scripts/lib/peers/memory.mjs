/** Whether all sides fit into memory: a machine that swaps measures its disk. */

import { readFileSync } from "node:fs";

import { PeersError } from "./peers-error.mjs";

const GIB = 2 ** 30;
/** Node, buffers of a forward, libraries: some hundred MiB a side. */
const OTHER_BYTES = GIB / 2;

/**
 * @param {object} sizes
 * @param {number} sizes.modelBytes of the file, which all map, and llama.cpp copies into another order
 * @param {number} sizes.cacheBytes of a KV cache
 * @param {number} sizes.nPeers copies of llama.cpp
 */
export function bytesNeeded({ modelBytes, cacheBytes, nPeers }) {
  return (1 + nPeers) * (modelBytes + cacheBytes + OTHER_BYTES);
}

/**
 * @param {Parameters<typeof bytesNeeded>[0]} sizes
 * @throws {PeersError} MEMORY_SHORT
 */
export function requireMemory(sizes) {
  const kilobytes = /^MemAvailable: +(?<n>\d+) kB/mu.exec(readFileSync("/proc/meminfo", "utf8"));
  const available = Number(kilobytes?.groups.n) * 1024;
  const needed = bytesNeeded(sizes);
  if (!(available < needed)) return;
  throw new PeersError(
    "MEMORY_SHORT",
    `expected ${gib(needed)} GiB of free memory for all sides, got ${gib(available)} GiB`,
    "Stop other programs, lower --depth, take a smaller one of --shapes, or one of --peers at a time.",
  );
}

function gib(nBytes) {
  return (nBytes / GIB).toFixed(1);
}
