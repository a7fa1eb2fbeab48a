/**
 * Metadata values of GGUF, with the type that the file gives them, so that a value that is read and
 * written again keeps its bytes. Source: ggml's `docs/gguf.md`, `gguf_metadata_value_type`.
 *
 * Arrays of numbers are typed arrays: a vocabulary's 152,000 scores take 608 kB and one copy.
 * Arrays of arrays exist in the specification only; no model has one and llama.cpp refuses them, as we do.
 */

interface Scalars {
  uint8: number;
  int8: number;
  uint16: number;
  int16: number;
  uint32: number;
  int32: number;
  float32: number;
  bool: boolean;
  string: string;
  uint64: bigint;
  int64: bigint;
  float64: number;
}

export interface GgufArrays {
  uint8: Uint8Array;
  int8: Int8Array;
  uint16: Uint16Array;
  int16: Int16Array;
  uint32: Uint32Array;
  int32: Int32Array;
  float32: Float32Array;
  /** 0 or 1 each. */
  bool: Uint8Array;
  string: string[];
  uint64: BigUint64Array;
  int64: BigInt64Array;
  float64: Float64Array;
}

export type GgufScalarType = keyof Scalars;

export type GgufScalar = { [T in GgufScalarType]: { type: T; value: Scalars[T] } }[GgufScalarType];

export type GgufArray = {
  [T in GgufScalarType]: { type: "array"; of: T; value: GgufArrays[T] };
}[GgufScalarType];

export type GgufValue = GgufScalar | GgufArray;

/** What the file writes for a type: the index in this list. */
export const VALUE_TYPES = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "bool",
  "string",
  "array",
  "uint64",
  "int64",
  "float64",
] as const;

/** For messages: "uint32 7", "an array of string". */
export function describeValue(value: GgufValue): string {
  return value.type === "array"
    ? `an array of ${value.of}`
    : `${value.type} ${String(value.value).slice(0, 60)}`;
}
