/** Which type each tensor of a model of type `q40`, `q80`, `f16` or `f32` gets. */

import { BLOCK_SIZE } from "./float-types.ts";
import type { FloatType } from "./float-types.ts";

export interface TensorChoice {
  readonly type: FloatType;
  /** Why the tensor is F16 in a quantised model. */
  readonly because?: string;
}

/**
 * `headDim` matters for the attention's output: ranks split its columns by heads, and a block must
 * not lie on two ranks.
 */
export function chooseType(
  name: string,
  shape: readonly number[],
  headDim: number,
  modelType: FloatType,
): TensorChoice {
  if (shape.length === 1) return { type: "f32" };
  if (modelType === "f32" || modelType === "f16") return { type: modelType };
  const nCols = shape.at(-1) ?? 0;
  if (nCols % BLOCK_SIZE !== 0) {
    return { type: "f16", because: `rows of ${nCols} values cannot be cut into blocks of 32` };
  }
  if (name.endsWith(".attn_output.weight") && headDim % BLOCK_SIZE !== 0) {
    return { type: "f16", because: `heads of ${headDim} values cannot be cut into blocks of 32` };
  }
  // A rank looks up single rows of the embedding: its size costs no time, its rounding hurts all.
  return { type: name === "token_embd.weight" ? "q80" : modelType };
}
