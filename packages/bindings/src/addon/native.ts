/** The addon's exports, with the types that its generated declarations leave open. */

import type { ConnectOptions, Connection, EngineMemory } from "../connection.ts";
import type { Engine, EngineOptions, LoadProgress } from "../engine.ts";
import type { ServerEvent, ServerOptions, WorkerServer } from "../worker.ts";

/** What `convertFloats` takes: values in a checkpoint. */
export type SourceFloatType = "bf16" | "f16" | "f32";
/** What it gives: values in a model file. */
export type FloatType = "q40" | "q80" | "f16" | "f32";

export interface Native {
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
  readonly endProcess: (code: number) => never;
  readonly explainBusErrors: () => boolean;
}
