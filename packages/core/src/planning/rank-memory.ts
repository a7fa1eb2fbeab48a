/**
 * The memory that a rank takes, exactly as its engine counts it before it takes it (`Rank::memory` in
 * `crates/engine`; a test compares the two). Mapped weights are apart: the system can give their pages
 * back and read them again.
 */

import { TENSOR_FORMATS } from "../gguf/tensor-types.ts";
import type { Program } from "../program/generated/Program.ts";
import type { Weight } from "../program/generated/Weight.ts";

export interface RankMemory {
  /** Weights of its own: received by a worker, gathered by the root. */
  weightBytes: number;
  kvCacheBytes: number;
  /** Activations. */
  bufferBytes: number;
  /** The three together: refused where they do not fit. */
  totalBytes: number;
  /**
   * Weights of products that the root uses where they lie in the file; pageable. Of the embedding table,
   * which is mapped too, a token needs a row.
   */
  mappedBytes: number;
}

/** Parts of a region begin on a cache line. */
const ALIGNMENT = 64;
const F32_BYTES = 4;

export function rankMemory(program: Program): RankMemory {
  const weights = new Region();
  for (const weight of program.weights) {
    if (!staysInFile(program, weight)) weights.place(weightBytes(weight));
  }
  const cache = new Region();
  for (const { nKvHeads, headDim } of program.kvCaches) {
    const positions = program.seqLen * program.nSequences;
    const nBytes = nKvHeads * blockBytes(program.kvCacheType, headDim) * positions;
    // Keys, then values.
    cache.place(nBytes);
    cache.place(nBytes);
  }
  const buffers = new Region();
  for (const { width } of program.buffers) buffers.place(width * program.maxTokens * F32_BYTES);
  const own = align(weights.end);
  return {
    weightBytes: own,
    kvCacheBytes: cache.end,
    bufferBytes: buffers.end,
    totalBytes: own + cache.end + buffers.end,
    mappedBytes: mappedBytes(program),
  };
}

function mappedBytes(program: Program): number {
  const multiplied = program.steps.flatMap(({ op }) =>
    op.kind === "matMul" ? op.products.map(({ weight }) => weight) : [],
  );
  return [...new Set(multiplied)].reduce((sum, index) => {
    const weight = program.weights[index];
    return weight && staysInFile(program, weight) ? sum + weightBytes(weight) : sum;
  }, 0);
}

/** Bytes of a rank's slice, which may be empty. */
export function weightBytes({ floatType, rows, cols }: Weight): number {
  return rows * blockBytes(floatType, cols);
}

/** Bytes of `n` values in a row: whole blocks. */
export function blockBytes(type: "f32" | "f16" | "q40" | "q80", n: number): number {
  const { blockSize, blockBytes: bytes } = TENSOR_FORMATS[type];
  return (n / blockSize) * bytes;
}

/** The root maps whole rows; whatever is cut from rows is gathered, and a worker has no file. */
function staysInFile({ rank }: Program, { cols, source }: Weight): boolean {
  return rank === 0 && cols === source.cols;
}

/** Memory that is cut into aligned parts. */
class Region {
  end = 0;

  place(nBytes: number): void {
    this.end = align(this.end) + nBytes;
  }
}

function align(nBytes: number): number {
  return Math.ceil(nBytes / ALIGNMENT) * ALIGNMENT;
}
