/** Writes a GGUF header: the opposite of `readGguf`. Version 3, little-endian. */
import { DllamaError } from "../errors.ts";
import {
  ALIGNMENT_KEY,
  alignUp,
  DEFAULT_ALIGNMENT,
  isAlignment,
  MAGIC,
  MAX_DIMENSIONS,
} from "./gguf-file.ts";
import { TENSOR_FORMATS, tensorBytes } from "./tensor-types.ts";
import type { GgufTensorType } from "./tensor-types.ts";
import { describeValue, VALUE_TYPES } from "./value.ts";
import type { GgufArray, GgufScalar, GgufValue } from "./value.ts";

const VERSION = 3;

const NUMBER_ARRAYS = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

export interface GgufHeaderSource {
  /** `general.alignment` in it is obeyed. */
  metadata: ReadonlyMap<string, GgufValue>;
  /** In the order in which the weights will stand in the file. `shape` is row-major. */
  tensors: readonly { name: string; type: GgufTensorType; shape: readonly number[] }[];
}

export interface EncodedGgufHeader {
  /** Ends where the first tensor's weights begin, so that they can be written next. */
  header: Uint8Array;
  /** Where each tensor's weights begin, from the beginning of the file. */
  offsets: number[];
  /** Size of the whole file; the last tensor, too, is padded to the alignment. */
  nBytes: number;
}

/**
 * Lays out a GGUF file: tensors one after another, each padded with zeros to the alignment.
 *
 * @throws DllamaError INVALID_ARGUMENT for what could not be read again: a tensor given twice, a
 * shape that its type cannot hold, a wrong alignment.
 */
export function encodeGgufHeader({ metadata, tensors }: GgufHeaderSource): EncodedGgufHeader {
  const alignment = alignmentOf(metadata.get(ALIGNMENT_KEY));
  const relative = layOut(tensors, alignment);

  const parts = [MAGIC, uint32(VERSION), uint64(tensors.length), uint64(metadata.size)];
  for (const [key, value] of metadata) parts.push(string(key), encodeValue(value));
  tensors.forEach(({ name, type, shape }, i) => {
    const dimensions = shape.toReversed().map(uint64);
    parts.push(
      string(name),
      uint32(shape.length),
      ...dimensions,
      uint32(TENSOR_FORMATS[type].id),
      uint64(relative.offsets[i] ?? 0),
    );
  });
  const nHeader = alignUp(
    parts.reduce((sum, part) => sum + part.length, 0),
    alignment,
  );
  return {
    header: Buffer.concat(parts, nHeader),
    offsets: relative.offsets.map((offset) => nHeader + offset),
    nBytes: nHeader + relative.nBytes,
  };
}

function alignmentOf(value: GgufValue | undefined): number {
  if (value === undefined) return DEFAULT_ALIGNMENT;
  if (value.type === "uint32" && isAlignment(value.value)) return value.value;
  throw refused(ALIGNMENT_KEY, `expected a uint32 power of two, got ${describeValue(value)}`);
}

function refused(name: string, message: string): DllamaError {
  return new DllamaError("INVALID_ARGUMENT", `${JSON.stringify(name)}: ${message}`);
}

/** Places from the beginning of the weights. */
function layOut(
  tensors: GgufHeaderSource["tensors"],
  alignment: number,
): { offsets: number[]; nBytes: number } {
  const names = new Set<string>();
  let nBytes = 0;
  const offsets = tensors.map(({ name, type, shape }) => {
    if (names.has(name)) throw refused(name, "expected every tensor once, got this one twice");
    names.add(name);
    if (shape.length < 1 || shape.length > MAX_DIMENSIONS) {
      throw refused(name, `expected 1 to ${MAX_DIMENSIONS} dimensions, got ${shape.length}`);
    }
    const size = tensorBytes(type, shape);
    if (typeof size === "string") throw refused(name, size);
    const offset = nBytes;
    nBytes = alignUp(offset + size, alignment);
    return offset;
  });
  return { offsets, nBytes };
}

function encodeValue(value: GgufValue): Buffer {
  const type = uint32(VALUE_TYPES.indexOf(value.type));
  return Buffer.concat([type, value.type === "array" ? encodeArray(value) : encodeScalar(value)]);
}

function encodeScalar(scalar: GgufScalar): Buffer {
  if (scalar.type === "string") return string(scalar.value);
  if (scalar.type === "bool") return Buffer.of(Number(scalar.value));
  if (scalar.type === "uint64" || scalar.type === "int64") {
    return bytesOf(BigInt64Array.of(scalar.value)); // the same bits with and without a sign
  }
  return bytesOf(NUMBER_ARRAYS[scalar.type].of(scalar.value));
}

function encodeArray(array: GgufArray): Buffer {
  const head = [uint32(VALUE_TYPES.indexOf(array.of)), uint64(array.value.length)];
  return Buffer.concat([...head, encodeItems(array)]);
}

function encodeItems(array: GgufArray): Buffer {
  if (array.of === "string") return Buffer.concat(array.value.map(string));
  return bytesOf(array.value);
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(n: number): Buffer {
  return bytesOf(Uint32Array.of(n));
}

function uint64(n: number): Buffer {
  return bytesOf(BigUint64Array.of(BigInt(n)));
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
