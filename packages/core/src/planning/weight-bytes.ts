/** Bytes of weights and of values in a row. */

import { TENSOR_FORMATS } from "../gguf/tensor-types.ts";
import type { Weight } from "../program/generated/Weight.ts";

export const F32_BYTES = 4;

/** Bytes of a rank's slice, which may be empty. */
export function weightBytes({ floatType, rows, cols }: Weight): number {
  return rows * blockBytes(floatType, cols);
}

/** Bytes of `n` values in a row: whole blocks. */
export function blockBytes(type: "f32" | "f16" | "q40" | "q80", n: number): number {
  const { blockSize, blockBytes: bytes } = TENSOR_FORMATS[type];
  return (n / blockSize) * bytes;
}
