/**
 * What a forward of one row, a token, sends over the network: the messages of its Programs' collectives
 * (`crates/net/src/collectives`, `crates/engine/src/ops/overlap.rs`), byte for byte. A test compares with
 * what a session on loopback counts.
 */

import type { Op } from "../program/generated/Op.ts";
import type { Program } from "../program/generated/Program.ts";
import { blockBytes } from "./weight-bytes.ts";

/**
 * Bytes of an encrypted message beside its payload: length, kind and proof (`crates/net/src/frame.rs`). A
 * payload beyond 65,518 bytes takes more, which ranges keep a token's messages below.
 */
const MESSAGE_OVERHEAD_BYTES = 2 + 1 + 16;

/** A control message's tag, a forward's row class, then `ROW_BYTES` a row in `crates/engine/src/rows.rs`. */
const FORWARD_BYTES = 1 + 1 + 17;
/** `HEAD_BYTES` and `SLOT_BYTES` of a record in `crates/engine/src/rank/results.rs`. */
const RECORD_HEAD_BYTES = 8;
const RECORD_SLOT_BYTES = 8;
/** `LEAST_BYTES` and `MAX_RANGES` in `crates/engine/src/ops/overlap.rs`. */
const OVERLAP_BYTES = 32 << 10;
const MAX_RANGES = 4;
/** `FEATURES` in `crates/engine/src/ops/mat_mul.rs`: a range ends on a multiple of it. */
const RANGE_FEATURES = 64;
/** Values a Q80 block. */
const BLOCK_SIZE = 32;

/** The messages of one step that all ranks take. */
export interface Exchange {
  /** Bytes that each rank sends and receives, in rank order. */
  sentBytes: number[];
  receivedBytes: number[];
  /** How often messages wait for others: times a latency. */
  nTrips: number;
}

/** What a token's steps exchange; undefined where an op exchanges nothing. */
export function exchangeOf(
  op: Op,
  { worldSize, bufferFloatType, buffers }: Program,
  scatteredFromBytes: number | null,
): Exchange | undefined {
  if (worldSize === 1) return undefined;
  const widthOf = (index: number): number => buffers[index]?.width ?? 0;
  if (op.kind === "embedding") {
    // The rows that are asked for go ahead of the broadcast, and nobody waits between the two.
    const row = blockBytes(op.wire, widthOf(op.out));
    return rootTo(worldSize, FORWARD_BYTES + row + 2 * MESSAGE_OVERHEAD_BYTES);
  }
  if (op.kind === "candidates") {
    const slots = Math.min(op.k, Math.max(...op.vocabSplit));
    const record = RECORD_HEAD_BYTES + slots * RECORD_SLOT_BYTES;
    return reversed(rootTo(worldSize, record + MESSAGE_OVERHEAD_BYTES));
  }
  if (op.kind !== "allReduce") return undefined;
  const nValues = widthOf(op.input);
  const nBytes = blockBytes(bufferFloatType, nValues);
  const granule = bufferFloatType === "q80" ? BLOCK_SIZE : 1;
  const granuleBytes = blockBytes(bufferFloatType, granule);
  const size = { worldSize, nValues, granule, granuleBytes };
  const isScattered = scatteredFromBytes !== null && nBytes >= scatteredFromBytes;
  return isScattered ? scattered(size) : direct(size);
}

interface PartialSize {
  worldSize: number;
  nValues: number;
  /** Values that are encoded together, and their bytes. */
  granule: number;
  granuleBytes: number;
}

/** Every rank's whole partial to all others. */
function direct(size: PartialSize): Exchange {
  const { worldSize, nValues, granule, granuleBytes } = size;
  const nBytes = (nValues / granule) * granuleBytes;
  const nMessages = nRanges(nBytes, nValues);
  const toEach = nBytes + nMessages * MESSAGE_OVERHEAD_BYTES;
  const all = Array.from({ length: worldSize }, () => (worldSize - 1) * toEach);
  return { sentBytes: all, receivedBytes: [...all], nTrips: 1 };
}

/** A chunk of each partial to its owner, then the chunk's sum from its owner to all. */
function scattered({ worldSize, nValues, granule, granuleBytes }: PartialSize): Exchange {
  const nBytes = (nValues / granule) * granuleBytes;
  const pieces = ranges(nValues, nRanges(nBytes / worldSize, nValues));
  const sentBytes = Array.from({ length: worldSize }, () => 0);
  const receivedBytes = [...sentBytes];
  const send = (from: number, to: number, chunkBytes: number): void => {
    // An empty chunk has no message.
    if (from === to || chunkBytes === 0) return;
    sentBytes[from] = (sentBytes[from] ?? 0) + chunkBytes + MESSAGE_OVERHEAD_BYTES;
    receivedBytes[to] = (receivedBytes[to] ?? 0) + chunkBytes + MESSAGE_OVERHEAD_BYTES;
  };
  for (const nPieceValues of pieces) {
    const nGranules = nPieceValues / granule;
    const border = (rank: number): number => Math.floor((rank * nGranules) / worldSize);
    for (let owner = 0; owner < worldSize; owner++) {
      const chunkBytes = (border(owner + 1) - border(owner)) * granuleBytes;
      for (let peer = 0; peer < worldSize; peer++) {
        send(peer, owner, chunkBytes);
        send(owner, peer, chunkBytes);
      }
    }
  }
  return { sentBytes, receivedBytes, nTrips: 2 };
}

/** Pieces of a partial that travel one after the other: several only for large ones. */
function nRanges(bytesToPeer: number, width: number): number {
  const n = Math.min(Math.floor((2 * bytesToPeer) / OVERLAP_BYTES), MAX_RANGES);
  return bytesToPeer > OVERLAP_BYTES && width >= RANGE_FEATURES * n ? n : 1;
}

function ranges(width: number, n: number): number[] {
  const border = (number: number): number =>
    number === n
      ? width
      : Math.floor(Math.floor((number * width) / n) / RANGE_FEATURES) * RANGE_FEATURES;
  return Array.from({ length: n }, (_, number) => border(number + 1) - border(number));
}

function rootTo(worldSize: number, nBytes: number): Exchange {
  const isRoot = (_: unknown, rank: number): boolean => rank === 0;
  const ranks = Array.from({ length: worldSize }, isRoot);
  return {
    sentBytes: ranks.map((root) => (root ? (worldSize - 1) * nBytes : 0)),
    receivedBytes: ranks.map((root) => (root ? 0 : nBytes)),
    nTrips: 1,
  };
}

function reversed({ sentBytes, receivedBytes, nTrips }: Exchange): Exchange {
  return { sentBytes: receivedBytes, receivedBytes: sentBytes, nTrips };
}
