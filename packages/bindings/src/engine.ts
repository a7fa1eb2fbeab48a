/** The types of a loaded model. */

export interface EngineOptions {
  /** The file that the Programs' weights lie in. */
  modelPath: string;
  /** A Program for each rank, in rank order, as JSON. */
  programs: string[];
  /** `host:port` of the workers; the first is rank 1. */
  workers: string[];
  /** Threads of the root. */
  nThreads: number;
  /** What the ranks are to agree on. Defaults to what a measurement of the network gives. */
  plan?: Plan;
  /** Where hashes of the model file are kept. Defaults to nowhere: each start reads the file through. */
  cacheFolder?: string;
}

/** What the ranks of a session agree on beside their Programs. It decides bits. */
export interface Plan {
  allReduce: {
    /** Bytes of the smallest encoded partial that is scattered; 0 scatters all, null none. */
    scatteredFromBytes: number | null;
  };
}

/** What the network gave while all ranks sent to all others at the same time. */
export interface Measurement {
  /** Time of an exchange of small messages. */
  latencyMs: number;
  /** Bytes that a rank sends to all others together. */
  bytesPerSecond: number;
}

/** Bytes of a rank's weights by where they came from. */
export interface WeightSources {
  /** From the root, over the network. */
  sentBytes: number;
  /** From the worker's cache on disk. */
  cachedBytes: number;
  /** From the worker's memory, where a session that was lost has left them. */
  heldBytes: number;
  /** From the rank's own model file. */
  localBytes: number;
}

/** How far loading has come on one rank. */
export interface LoadProgress {
  rank: number;
  address: string;
  /** Bytes of weights that are ready there. */
  doneBytes: number;
  /** Bytes of its weights. */
  totalBytes: number;
  /** Where they come from, as far as it is known. */
  sources: WeightSources;
  /** Bytes of the model file that the root has read for this rank to hash them. */
  hashedBytes: number;
}

/**
 * `fast`: prefill, in chunks of fixed size at fixed positions. `exact`: a row's bits do not depend
 * on the other rows of its forward.
 */
export type RowClass = "fast" | "exact";

/** One token of a forward. */
export interface ForwardRow {
  token: number;
  position: number;
  sequence: number;
  /** `candidates`: the best tokens and the log-sum-exp; `full`: all logits, too. */
  want: "none" | "candidates" | "full";
  /** Divides the logits before the log-sum-exp; 0 leaves them as they are. */
  temperature: number;
}

/** A row that wanted something. */
export interface RowResult {
  /** The best tokens, descending by logit, ties to the lower id. */
  ids: Uint32Array;
  /** Their logits. */
  logits: Float32Array;
  /** Over the whole vocabulary, of logits / temperature. */
  logSumExp: number;
  /** All logits, if the row wanted them. */
  all?: Float32Array;
}

/** Wall time of one forward on the root by kind of op, in milliseconds, as its first thread sees it. */
export interface OpMs {
  /** Products of matrices, with the quantisation of their input. */
  matMul: number;
  /** Attention, with storing keys and values. */
  attention: number;
  /** RMSNorm. */
  norm: number;
  /** Choosing the best tokens of each wanted row. */
  sampling: number;
  /** All other ops: embedding, RoPE, SwiGLU, sums of partials, selection of rows. */
  other: number;
  /** Waiting for the other threads between two steps. */
  wait: number;
  /** Waiting for the network within an op, and part of no other time. */
  network: number;
}

/**
 * A row whose activations are NaN, infinite or too large. It ends its own sequence: all ranks have forgotten its
 * positions from the first failed row on, and it may be fed again from there. Other sequences are as without it.
 */
export interface RowFailure extends Error {
  code: "NUMBER_NOT_FINITE";
  hint: string;
  /** Index of the row in the forward. */
  row: number;
  sequence: number;
  position: number;
  /** The op that made the values, as far as the root can tell. */
  op: string;
  /** Its layer, from 0; missing outside the layers. */
  layer?: number;
}

export interface ForwardResult {
  /** One for each row that wanted something, undefined for one of `failures`. */
  rows: (RowResult | undefined)[];
  /** The rows whose numbers have ended, wanted or not, in the rows' order. Usually empty. */
  failures: RowFailure[];
  /** Wall time of the forward but for `transferMs`. */
  inferenceMs: number;
  /** Wall time in which the forward waited for the network alone. */
  transferMs: number;
  /** Where the two went; what is missing is the forward's overhead. */
  opMs: OpMs;
  /** Bytes given to the root's sockets, framing included. */
  sentBytes: number;
  /** Bytes taken from the root's sockets, framing included. */
  receivedBytes: number;
}

/** Fingerprints of a rank's state: equal ones mean equal bits. */
export interface RankDigest {
  /** Of what collectives wrote in the last forward: equal on all ranks. */
  replicated: bigint;
  /** Of the rank's KV cache. */
  kvCache: bigint;
}

/** Sums over forwards of one class, in milliseconds and bytes. */
export interface RankSums {
  nForwards: number;
  /** Time of ops. */
  computeMs: number;
  /** Time in which the first thread waited for the rank's others. */
  waitMs: number;
  /** Time in which the first thread waited for the network, and by that for other ranks. */
  networkMs: number;
  /** Wall time, from the rows to the results. */
  totalMs: number;
  /** Bytes given to the rank's sockets, framing included. */
  sentBytes: number;
  receivedBytes: number;
}

/** What the kernel tells of a rank's machine; null where it tells nothing. */
export interface HostFacts {
  /** Of the hottest zone. */
  celsius: number | null;
  /** Of the cores that are slowed down most: now, allowed at most, possible. */
  frequencyMhz: number | null;
  allowedMhz: number | null;
  possibleMhz: number | null;
  /** How often x86 cores throttled since the last answer. */
  throttleEvents: number | null;
  /**
   * A Raspberry Pi since the last answer: bit 0 under-voltage, 1 frequency capped, 2 throttled, 3 soft
   * limit of the temperature.
   */
  firmwareFlags: number | null;
}

/** Where a rank's time went. */
export interface RankTimes {
  rank: number;
  /** As the root knows it. */
  address: string;
  /** Forwards of generated tokens. */
  exact: RankSums;
  /** Forwards of prompts. */
  fast: RankSums;
  host: HostFacts;
}

/** A forward that sleeps until peers send. */
export interface Waiting {
  /** `silentMs`: since the last bytes of the peer came, heartbeats included. */
  peers: { rank: number; address: string; silentMs: number }[];
  /** Since when. */
  ms: number;
}

/** A model, loaded on all ranks. Garbage collection releases it, too. */
export interface Engine {
  /** The instruction set that the root computes with. */
  readonly isa: string;
  readonly plan: Plan;
  /** What the plan was made from, if loading has measured. */
  readonly measurement: Measurement | null;
  forward(rowClass: RowClass, rows: ForwardRow[]): Promise<ForwardResult>;
  /** All logits of wanted row `index` of the last forward, which has a result. */
  fullRow(index: number): Promise<Float32Array>;
  /** Fingerprints of all ranks, in rank order. */
  digests(): Promise<RankDigest[]>;
  /** Where the time of each rank went since this was asked the last time, in rank order. */
  rankTimes(): Promise<RankTimes[]>;
  /** Whom the forward under way waits for; null while it computes, or none is. */
  waiting(): Waiting | null;
  /**
   * Connects to the workers anew after an error has ended the engine, and has them load again; each gets
   * `patienceMs` to answer. The KV cache is empty then. After an error it may be called again.
   */
  reconnect(patienceMs: number, onProgress?: (progress: LoadProgress) => void): Promise<void>;
  /** Says goodbye to the workers and gives all memory back, after what is under way. */
  dispose(): Promise<void>;
}
