/** Bytes of weights that one rank reads for one token: what memory has to deliver. */

import { tensorBytes } from "../gguf/tensor-types.ts";
import type { Op } from "../program/generated/Op.ts";
import type { Program } from "../program/generated/Program.ts";

/** Whole matrices and norms, and of the embedding the token's row. */
export function tokenWeightBytes(program: Program): number {
  const nBytes = (index: number, rows?: number): number => {
    const weight = program.weights[index];
    if (weight === undefined) return 0;
    const size = tensorBytes(weight.floatType, [rows ?? weight.rows, weight.cols]);
    return typeof size === "number" ? size : 0;
  };
  return program.steps.reduce((sum, { op }) => {
    const rows = op.kind === "embedding" ? 1 : undefined;
    return sum + weightsOf(op).reduce((bytes, index) => bytes + nBytes(index, rows), 0);
  }, 0);
}

function weightsOf(op: Op): number[] {
  if (op.kind === "matMul") return op.products.map(({ weight }) => weight);
  if (op.kind === "rmsNorm") return [op.weight];
  return op.kind === "embedding" && op.weight !== null ? [op.weight] : [];
}
