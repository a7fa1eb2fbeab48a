/** The engine's Node-API addon, with the types that its generated declarations leave open. */

import { createRequire } from "node:module";

import type { Engine, EngineOptions, LoadProgress } from "./engine.ts";
import type { ServerEvent, WorkerServer } from "./worker.ts";

export type { Engine, EngineOptions, ForwardResult, ForwardRow, LoadProgress } from "./engine.ts";
export type { RankDigest, RowClass, RowResult } from "./engine.ts";
export type { ServerEvent, WorkerServer } from "./worker.ts";

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
  readonly loadEngine: (
    options: EngineOptions,
    onProgress?: (progress: LoadProgress) => void,
  ) => Promise<Engine>;
  readonly startWorker: (
    address: string,
    nThreads: number,
    onEvent: (event: ServerEvent) => void,
  ) => Promise<WorkerServer>;
  readonly physicalCores: () => number;
}

const native: Native = createRequire(import.meta.url)("../lib/native.cjs");

/**
 * Converts whole rows on libuv's thread pool; for q40 and q80 a multiple of 32 values. `source` is
 * read on another thread: leave it alone until the promise settles.
 *
 * Rejects with an Error with the code VALUE_OUT_OF_RANGE or NUMBER_NOT_FINITE and the `index` of
 * the value in `source`, or with the code INVALID_ARGUMENT.
 */
export const convertFloats = native.convertFloats;

/**
 * Connects to the workers, sends them their Programs and slices, and loads the root's own weights.
 *
 * Rejects with an Error with a stable `code`, and perhaps a `hint`; for a lost peer with its `rank`
 * and `address`.
 */
export const loadEngine = native.loadEngine;

/** Listens on `address` (host:port; port 0 picks one) and serves one root after another. */
export const startWorker = native.startWorker;

/** Physical cores that this process may run on, within its control group's quota. */
export const physicalCores = native.physicalCores;
