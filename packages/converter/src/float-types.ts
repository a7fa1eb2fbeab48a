/** The float types of checkpoints, and of the tensors and models made from them. */

export type SourceFloatType = "bf16" | "f16" | "f32";
export type FloatType = "q40" | "q80" | "f16" | "f32";

/** Bytes of one value. */
export const SOURCE_VALUE_BYTES: Readonly<Record<SourceFloatType, number>> = {
  bf16: 2,
  f16: 2,
  f32: 4,
};

/** Values of a Q40 or Q80 block, which never crosses a row's end. */
export const BLOCK_SIZE = 32;
