/**
 * How ggml stores tensors: every row is cut into blocks of `blockSize` values, `blockBytes` bytes each.
 * dllama computes with four types and calls them f32, f16, q40 and q80. It knows the others by ggml's
 * name, so that an error can say which one a model has. Source: ggml's `ggml.h` and `ggml-common.h`.
 */

interface TensorFormat {
  /** What the file writes for this type. */
  id: number;
  /** Values a block. */
  blockSize: number;
  blockBytes: number;
}

const FORMATS = {
  f32: { id: 0, blockSize: 1, blockBytes: 4 },
  f16: { id: 1, blockSize: 1, blockBytes: 2 },
  q40: { id: 2, blockSize: 32, blockBytes: 18 },
  Q4_1: { id: 3, blockSize: 32, blockBytes: 20 },
  Q5_0: { id: 6, blockSize: 32, blockBytes: 22 },
  Q5_1: { id: 7, blockSize: 32, blockBytes: 24 },
  q80: { id: 8, blockSize: 32, blockBytes: 34 },
  Q8_1: { id: 9, blockSize: 32, blockBytes: 36 },
  Q2_K: { id: 10, blockSize: 256, blockBytes: 84 },
  Q3_K: { id: 11, blockSize: 256, blockBytes: 110 },
  Q4_K: { id: 12, blockSize: 256, blockBytes: 144 },
  Q5_K: { id: 13, blockSize: 256, blockBytes: 176 },
  Q6_K: { id: 14, blockSize: 256, blockBytes: 210 },
  Q8_K: { id: 15, blockSize: 256, blockBytes: 292 },
  IQ2_XXS: { id: 16, blockSize: 256, blockBytes: 66 },
  IQ2_XS: { id: 17, blockSize: 256, blockBytes: 74 },
  IQ3_XXS: { id: 18, blockSize: 256, blockBytes: 98 },
  IQ1_S: { id: 19, blockSize: 256, blockBytes: 50 },
  IQ4_NL: { id: 20, blockSize: 32, blockBytes: 18 },
  IQ3_S: { id: 21, blockSize: 256, blockBytes: 110 },
  IQ2_S: { id: 22, blockSize: 256, blockBytes: 82 },
  IQ4_XS: { id: 23, blockSize: 256, blockBytes: 136 },
  I8: { id: 24, blockSize: 1, blockBytes: 1 },
  I16: { id: 25, blockSize: 1, blockBytes: 2 },
  I32: { id: 26, blockSize: 1, blockBytes: 4 },
  I64: { id: 27, blockSize: 1, blockBytes: 8 },
  F64: { id: 28, blockSize: 1, blockBytes: 8 },
  IQ1_M: { id: 29, blockSize: 256, blockBytes: 56 },
  BF16: { id: 30, blockSize: 1, blockBytes: 2 },
  TQ1_0: { id: 34, blockSize: 256, blockBytes: 54 },
  TQ2_0: { id: 35, blockSize: 256, blockBytes: 66 },
  MXFP4: { id: 39, blockSize: 32, blockBytes: 17 },
} as const satisfies Record<string, TensorFormat>;

/** For a model with tensors of other types than those that dllama computes with. */
export const TYPES_HINT =
  "Every tensor has to be F32, F16, Q8_0 or Q4_0, and files that are called Q4_0 often mix in others. Take the " +
  "Q8_0 file of the same model, or make a Q4_0 one without a mix from F16: llama-quantize --pure F16.gguf OUT.gguf Q4_0";

export type GgufTensorType = keyof typeof FORMATS;

/** The block format of each type. */
export const TENSOR_FORMATS: Record<GgufTensorType, TensorFormat> = FORMATS;

const TENSOR_TYPES = Object.keys(FORMATS).filter(isTensorType);

function isTensorType(name: string): name is GgufTensorType {
  return Object.hasOwn(FORMATS, name);
}

export function tensorTypeOfId(id: number): GgufTensorType | undefined {
  return TENSOR_TYPES.find((type) => FORMATS[type].id === id);
}

/**
 * Bytes of a tensor of this row-major shape, or a sentence that says why there is no such tensor.
 * Exact: no step of it leaves the integers that a number holds.
 */
export function tensorBytes(type: GgufTensorType, shape: readonly number[]): number | string {
  const { blockSize, blockBytes } = TENSOR_FORMATS[type];
  if (!shape.every((size) => Number.isSafeInteger(size) && size > 0)) {
    return `expected dimensions of 1 or more, got ${shape.join(" x ")}`;
  }
  const rowLength = shape.at(-1) ?? 0;
  if (rowLength % blockSize !== 0) {
    return `expected rows of a multiple of ${blockSize} values for ${type}, got ${rowLength}`;
  }
  let nBytes = (rowLength / blockSize) * blockBytes;
  for (const size of shape.slice(0, -1)) nBytes *= size;
  if (!Number.isSafeInteger(nBytes)) {
    return `expected a size below 2^53 bytes, got the shape ${shape.join(" x ")}`;
  }
  return nBytes;
}
