/**
 * The memory that a rank takes beside weights, KV cache and activations, as `Scratch`, `collective_bytes`,
 * `unit_list_bytes` and `Turns` of `crates/engine` count it.
 */

import type { Program } from "../program/generated/Program.ts";
import { Region } from "./region.ts";
import { F32_BYTES, blockBytes, weightBytes } from "./weight-bytes.ts";

const BLOCK_SIZE = 32;
/** Positions of a span of attention, whose parts are merged. */
const SPAN = 512;
/** What a part has beside its sums: their weight and the largest score. */
const PART_EXTRA = 2;
/** Rows of a panel, and its bytes for a block of each. */
const PANEL_ROWS = 64;
const PANEL_BYTES = PANEL_ROWS * (BLOCK_SIZE + 4 + 4);
/** A record of candidates: their number and the log-sum-exp, then ids and logits. */
const RECORD_HEAD_BYTES = 8;
const CANDIDATE_BYTES = 8;
/** A unit of weights has so many bytes, but for two that a slice cuts. */
const UNIT_BYTES = 64 * 1024;
/** What a worker keeps of a unit. */
const LISTED_BYTES = 256;

/** What ops need while they run. */
export function opScratchBytes(program: Program): number {
  const { maxTokens, seqLen } = program;
  let blocks = 0;
  let panelBlocks = 0;
  let wireBytes = 0;
  let recordBytes = 0;
  let partValues = 0;
  for (const { op } of program.steps) {
    if (op.kind === "matMul") {
      const nBlocks = Math.floor(width(program, op.input) / BLOCK_SIZE);
      for (const { weight } of op.products) {
        const floatType = program.weights[weight]?.floatType;
        if (floatType === "q40" || floatType === "q80") blocks = Math.max(blocks, nBlocks);
        if (floatType === "q40") panelBlocks = Math.max(panelBlocks, nBlocks);
      }
    } else if (op.kind === "embedding") {
      wireBytes = Math.max(wireBytes, blockBytes(op.wire, width(program, op.out)));
    } else if (op.kind === "candidates") {
      recordBytes = recordBytesOf(op);
    } else if (op.kind === "attention") {
      const headDim = program.kvCaches[op.cache]?.headDim ?? 1;
      const nHeads = width(program, op.q) / headDim;
      partValues = Math.max(partValues, nHeads * (headDim + PART_EXTRA));
    }
  }
  const nSpans = seqLen > SPAN ? Math.ceil(seqLen / SPAN) : 0;
  const region = new Region();
  region.place(blockBytes("q80", blocks * BLOCK_SIZE) * maxTokens);
  region.place(wireBytes * maxTokens);
  region.place(recordBytes * maxTokens);
  region.place(partValues * nSpans * F32_BYTES * maxTokens);
  region.place(Math.ceil(maxTokens / PANEL_ROWS) * panelBlocks * PANEL_BYTES);
  return region.end;
}

/** What sums, records and rows of logits take at most on their way between ranks. */
export function collectiveBytes(program: Program): number {
  const { worldSize, rank, maxTokens, bufferFloatType } = program;
  const nParts = rank === 0 ? worldSize : 0;
  let sums = 0;
  let narrowed = 0;
  let gathered = 0;
  for (const { op } of program.steps) {
    if (op.kind === "allReduce" && worldSize > 1) {
      const n = width(program, op.input);
      const row = blockBytes(bufferFloatType, n) * (1 + worldSize) + n * F32_BYTES;
      sums = Math.max(sums, row * maxTokens);
    } else if (op.kind === "embedding" && op.weight !== null) {
      narrowed = width(program, op.out) * F32_BYTES;
    } else if (op.kind === "candidates") {
      const records = recordBytesOf(op) * maxTokens * nParts;
      const row = Math.max(0, ...op.vocabSplit) * F32_BYTES * (1 + nParts);
      gathered = Math.max(records, row);
    }
  }
  return narrowed + gathered + sums;
}

/** A worker's lists of the units of its weights. */
export function unitListBytes({ rank, weights }: Program): number {
  if (rank === 0) return 0;
  const most = weights.map((weight) => Math.floor(weightBytes(weight) / UNIT_BYTES) + 2);
  return most.reduce((sum, n) => sum + n, 0) * LISTED_BYTES;
}

/** Cosines and sines of RoPE: those of equal frequencies are there once. */
export function turnBytes({ ropes, maxTokens }: Program): number {
  const rotations = new Map(
    ropes.map(({ frequencies }) => [frequencies.join(), frequencies.length]),
  );
  const region = new Region();
  for (const nPairs of rotations.values()) {
    region.place(nPairs * maxTokens * F32_BYTES);
    region.place(nPairs * maxTokens * F32_BYTES);
  }
  return region.end;
}

function recordBytesOf({ vocabSplit, k }: { vocabSplit: number[]; k: number }): number {
  return RECORD_HEAD_BYTES + Math.min(k, Math.max(0, ...vocabSplit)) * CANDIDATE_BYTES;
}

function width(program: Program, buffer: number): number {
  return program.buffers[buffer]?.width ?? 0;
}
