import type { GgufTensorType } from "./tensor-types.ts";
import type { GgufValue } from "./value.ts";

/** A tensor's place in a GGUF file. */
export interface GgufTensor {
  name: string;
  type: GgufTensorType;
  /** Row-major, the slowest dimension first: `[rows, cols]` or `[n]`. GGUF itself writes them the other way round. */
  shape: number[];
  /** From the beginning of the file, in bytes; a multiple of the file's alignment. */
  offset: number;
  nBytes: number;
}

/** The header of a GGUF file: everything but the weights. */
export interface GgufFile {
  path: string;
  version: number;
  /** Every tensor begins at a multiple of this many bytes. */
  alignment: number;
  /** Size of the whole file. */
  nBytes: number;
  metadata: Map<string, GgufValue>;
  /** In the file's order. Every one lies within the file, and no two overlap. */
  tensors: Map<string, GgufTensor>;
}

/** What the four bytes at the beginning spell. */
export const MAGIC = Buffer.from("GGUF", "latin1");

export const ALIGNMENT_KEY = "general.alignment";

/** For a file that names none. Source: ggml's `docs/gguf.md`. */
export const DEFAULT_ALIGNMENT = 32;

/** The format forbids less. */
export const MIN_ALIGNMENT = 8;

/** The largest page of the machines that dllama runs on: more would be a mistake. */
export const MAX_ALIGNMENT = 65_536;

/** ggml has no tensors of more dimensions. */
export const MAX_DIMENSIONS = 4;

export function isAlignment(n: number): boolean {
  return n >= MIN_ALIGNMENT && n <= MAX_ALIGNMENT && (n & (n - 1)) === 0;
}

export function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
