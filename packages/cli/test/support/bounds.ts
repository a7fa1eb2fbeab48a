/**
 * How far apart two runs' logits may be.
 *
 * The errors of a run are known one by one: the order of an f32 sum changes it by at most
 * n * 2^-24 * (sum of the terms' magnitudes) (Higham, "Accuracy and Stability of Numerical
 * Algorithms", 4.2), a rounding to Q80 by half a step of its block, which is amax / 127, one to F16
 * by 2^-12 of the value; and where two runs differ at all, a rounding may fall to the other side: one
 * whole step, or 2^-11. How far they reach through the layers is found by putting errors of exactly
 * that size, with random signs, into every place where they can arise, in a reference in f64: the
 * bound is the largest change of any logit in several draws. Real errors spread over the whole
 * interval and are smaller: uniform in half a step, their deviation is 0.29 of what is put in here.
 */

import { add, ReferenceLlama } from "./reference-llama.ts";
import type { Disturbance } from "./reference-llama.ts";
import type { ReferenceWeights } from "./reference-weights.ts";

const DRAWS = 8;
const BLOCK_SIZE = 32;

export interface BoundOptions {
  worldSize: number;
  bufferFloatType: "q80" | "f32";
  kvCacheType: "f16" | "f32";
}

/** The bound for the logits of `ids`, all positions. */
export function logitBound(
  weights: ReferenceWeights,
  ids: number[],
  options: BoundOptions,
): number {
  const plain = run(weights, ids, options.worldSize, {});
  let bound = 0;
  for (let draw = 0; draw < DRAWS; draw++) {
    const disturbed = run(weights, ids, options.worldSize, disturbance(options, signs(draw + 1)));
    bound = Math.max(bound, largestDifference(plain, disturbed));
  }
  return bound;
}

export function largestDifference(rows: ArrayLike<number>[], others: ArrayLike<number>[]): number {
  let largest = 0;
  for (const [at, row] of rows.entries()) {
    const other = others[at];
    for (let i = 0; i < row.length; i++) {
      const difference = Math.abs((row[i] ?? Number.NaN) - (other?.[i] ?? Number.NaN));
      // A NaN is no small difference.
      if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
    }
  }
  return largest;
}

function run(
  weights: ReferenceWeights,
  ids: number[],
  worldSize: number,
  disturb: Disturbance,
): Float64Array[] {
  const model = new ReferenceLlama(weights, worldSize, disturb);
  return ids.map((id) => model.step(id));
}

function disturbance(options: BoundOptions, sign: () => number): Disturbance {
  const steps = (x: Float64Array): void => {
    for (let first = 0; first < x.length; first += BLOCK_SIZE) {
      const block = x.subarray(first, first + BLOCK_SIZE);
      const step = Math.max(...block.map(Math.abs)) / 127;
      for (let i = 0; i < block.length; i++) add(block, i, sign() * step);
    }
  };
  const disturb: Disturbance = {
    // 8 more roundings stand for norm, rotation, softmax and SwiGLU between two matmuls.
    sum: (value, n, magnitude) => value + sign() * (n + 8) * 2 ** -24 * magnitude,
    input: (x, type) => {
      if (type !== "q40" && type !== "q80") return x;
      const copy = x.slice();
      steps(copy);
      return copy;
    },
  };
  if (options.worldSize > 1 && options.bufferFloatType === "q80") {
    disturb.partial = steps;
    disturb.embedding = steps;
  }
  if (options.kvCacheType === "f16") {
    disturb.cached = (x) => {
      for (let i = 0; i < x.length; i++) add(x, i, sign() * 2 ** -11 * Math.abs(x[i] ?? 0));
    };
  }
  return disturb;
}

/** Random signs, the same each time: the high bit of a linear congruential generator (Knuth's MMIX). */
function signs(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return state >> 63n === 0n ? 1 : -1;
  };
}
