/**
 * The memory that a rank takes, exactly as its engine counts it before it takes it (`RankMemory` in
 * `crates/engine`; a test compares the two). Mapped weights are apart: the system can give their pages
 * back and read them again.
 */

import type { Program } from "../program/generated/Program.ts";
import type { Weight } from "../program/generated/Weight.ts";
import { Region, align } from "./region.ts";
import { collectiveBytes, opScratchBytes, turnBytes, unitListBytes } from "./scratch-memory.ts";
import { F32_BYTES, blockBytes, weightBytes } from "./weight-bytes.ts";

export interface RankMemory {
  /** Weights of its own: received by a worker, gathered by the root. */
  weightBytes: number;
  kvCacheBytes: number;
  /** Activations. */
  bufferBytes: number;
  /** What ops and collectives need while they run, and a worker's lists of the units of its weights. */
  scratchBytes: number;
  /** Cosines and sines of RoPE. */
  turnBytes: number;
  /** All of these together: refused where they do not fit. */
  totalBytes: number;
  /**
   * Weights of products that the root uses where they lie in the file; pageable. Of the embedding table,
   * which is mapped too, a token needs a row.
   */
  mappedBytes: number;
}

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
  const scratchBytes = opScratchBytes(program) + collectiveBytes(program) + unitListBytes(program);
  const turns = turnBytes(program);
  return {
    weightBytes: own,
    kvCacheBytes: cache.end,
    bufferBytes: buffers.end,
    scratchBytes,
    turnBytes: turns,
    totalBytes: own + cache.end + buffers.end + scratchBytes + turns,
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

/** The root maps whole rows; whatever is cut from rows is gathered, and a worker has no file. */
function staysInFile({ rank }: Program, { cols, source }: Weight): boolean {
  return rank === 0 && cols === source.cols;
}
