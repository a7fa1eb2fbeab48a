/** The float types of checkpoints, and of the tensors and models made from them. */

import type { SourceFloatType } from "@dllama/bindings";

export type { FloatType, SourceFloatType } from "@dllama/bindings";

/** Bytes of one value. */
export const SOURCE_VALUE_BYTES: Readonly<Record<SourceFloatType, number>> = {
  bf16: 2,
  f16: 2,
  f32: 4,
};

/** Values of a Q40 or Q80 block, which never crosses a row's end. */
export const BLOCK_SIZE = 32;
