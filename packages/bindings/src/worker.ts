/** The types of a worker. */

import type { WeightSources } from "./engine.ts";

/** What a worker lends, and to whom. */
export interface ServerOptions {
  /** `host:port`; port 0 picks one. */
  address: string;
  nThreads: number;
  /** Whoever has it is served. */
  token?: string;
  /** Everybody is served, in plain sight. Excludes a token, and replaces one. */
  insecure?: boolean;
  /** Bytes that a session may take. Defaults to what the system has. */
  maxMemory?: number;
  /** Where units of weights are kept between sessions. Defaults to nowhere. */
  cacheFolder?: string;
  /** Defaults to 32 GiB, at most half of the disk's free space. */
  maxCacheBytes?: number;
  /** The worker's own copy of the model file. Defaults to none. */
  modelPath?: string;
}

/** Something that a worker has to tell. */
export interface ServerEvent {
  /**
   * `sessionBegan` (address, rank, worldSize), `loading` (what will be taken: nBytes, of which
   * weightBytes, kvCacheBytes, bufferBytes, scratchBytes and turnBytes; freeBytes, if known), `loaded` (sources), `cacheFailed`
   * (message), `sessionEnded`, `sessionFailed`
   * (code, message), or, about somebody at the port: `refused`, `sessionFailed`, `acceptFailed`
   * (address, message).
   */
  kind: string;
  address?: string;
  rank?: number;
  worldSize?: number;
  nBytes?: number;
  sources?: WeightSources;
  weightBytes?: number;
  kvCacheBytes?: number;
  bufferBytes?: number;
  scratchBytes?: number;
  turnBytes?: number;
  freeBytes?: number;
  code?: string;
  message?: string;
}

/** A worker that listens, until it is closed or collected. */
export interface WorkerServer {
  readonly host: string;
  readonly port: number;
  /** Closes the port, ends the session and waits for both. */
  close(): Promise<void>;
}
