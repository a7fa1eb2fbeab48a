/** What a rank's memory is for, as people read it. */

import type { RankMemory } from "./rank-memory.ts";

/** `weights 400.0 MiB, KV cache 128.0 MiB, buffers 8.0 MiB, scratch 3.0 MiB, turns 0.1 MiB`, sizes as `text` has them. */
export function memoryParts(memory: RankMemory, text: (nBytes: number) => string): string {
  const { weightBytes, kvCacheBytes, bufferBytes, scratchBytes, turnBytes } = memory;
  return (
    `weights ${text(weightBytes)}, KV cache ${text(kvCacheBytes)}, buffers ${text(bufferBytes)}, ` +
    `scratch ${text(scratchBytes)}, turns ${text(turnBytes)}`
  );
}
