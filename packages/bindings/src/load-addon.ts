/** Finds the addon of this platform. */

import { createRequire } from "node:module";

import type { ConnectOptions, Connection, EngineMemory } from "./connection.ts";
import type { Engine, EngineOptions, LoadProgress } from "./engine.ts";
import type { ServerEvent, ServerOptions, WorkerServer } from "./worker.ts";

/** What `convertFloats` takes: values in a checkpoint. */
export type SourceFloatType = "bf16" | "f16" | "f32";
/** What it gives: values in a model file. */
export type FloatType = "q40" | "q80" | "f16" | "f32";

interface Native {
  readonly convertFloats: (
    source: Uint8Array,
    from: SourceFloatType,
    to: FloatType,
  ) => Promise<Uint8Array>;
  readonly connectRanks: (options: ConnectOptions) => Promise<Connection>;
  readonly loadEngine: (
    connection: Connection,
    options: EngineOptions,
    onProgress?: (progress: LoadProgress) => void,
  ) => Promise<Engine>;
  readonly startWorker: (
    options: ServerOptions,
    onEvent: (event: ServerEvent) => void,
  ) => Promise<WorkerServer>;
  readonly readRate: (nBytes: number, nThreads: number) => Promise<number>;
  readonly rankMemory: (program: string) => EngineMemory;
  readonly physicalCores: () => number;
}

/**
 * The addon's exports.
 *
 * @throws Error with the code ADDON_MISSING and a hint.
 */
export function loadAddon(): Native {
  try {
    return createRequire(import.meta.url)("../lib/native.cjs");
  } catch (cause) {
    const platform = `${process.platform}-${process.arch}`;
    const error = new Error(`the engine of dllama cannot be loaded on ${platform}`, { cause });
    throw Object.assign(error, {
      code: "ADDON_MISSING",
      hint: "It is prebuilt for linux-x64, linux-arm64 and darwin-arm64; in a clone, run `pnpm run build`.",
    });
  }
}
