/** The types of ranks that have met, before a model is shared out over them. */

export interface ConnectOptions {
  /** `host:port` of the workers; the first is rank 1. */
  workers: string[];
  /** Threads of the root. */
  nThreads: number;
  /** What the workers have, too. This or `insecure` is needed. */
  token?: string;
  /** Workers are taken at their word, and everything is sent in plain sight. */
  insecure?: boolean;
}

/** What a device tells of itself. */
export interface DeviceFacts {
  /** Threads that it computes with. */
  nThreads: number;
  /** Physical cores that its process may use. */
  nCores: number;
  /** Memory that a rank may take; null where it is not known. */
  freeBytes: number | null;
}

/** How fast a device multiplies matrices of Q40 weights with all of its threads. */
export interface MatmulRates {
  /** Bytes of weights a second, for one row. */
  bytesPerSecond: number;
  /** Multiplications and additions a second, for many rows. */
  opsPerSecond: number;
}

/** Ranks that have met. `close()`, loading an engine, and garbage collection let them go. */
export interface Connection {
  /** In rank order, the root first. */
  readonly devices: DeviceFacts[];
  /** Has all ranks measure at the same time, in less than two seconds. */
  measureRates(): Promise<MatmulRates[]>;
  close(): Promise<void>;
}

/** The memory that a rank takes, as its engine counts it. */
export interface EngineMemory {
  weightBytes: number;
  kvCacheBytes: number;
  bufferBytes: number;
  scratchBytes: number;
  turnBytes: number;
}
