/** The types of a worker. */

/** Something that a worker has to tell. */
export interface ServerEvent {
  /**
   * `sessionBegan` (address, rank, worldSize), `loaded` (nBytes), `sessionEnded`, `sessionFailed`
   * (code, message), or, about somebody at the port: `refused`, `sessionFailed`, `acceptFailed`
   * (address, message).
   */
  kind: string;
  address?: string;
  rank?: number;
  worldSize?: number;
  nBytes?: number;
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
