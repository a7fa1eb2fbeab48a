/** A GGUF model's weights in f64, decoded by the formats' definitions. */

import { readFileSync } from "node:fs";

import { readGguf } from "@dllama/core";
import type { GgufFile, GgufTensor } from "@dllama/core";

export class ReferenceWeights {
  readonly dim: number;
  readonly nLayers: number;
  readonly nHeads: number;
  readonly nKvHeads: number;
  readonly headDim: number;
  readonly eps: number;
  readonly ropeTheta: number;
  readonly #file: GgufFile;
  readonly #bytes: Buffer;
  readonly #decoded = new Map<
    string,
    { type: string; rows: number; cols: number; values: Float64Array }
  >();

  private constructor(file: GgufFile, bytes: Buffer) {
    const number = (key: string): number => {
      const value = file.metadata.get(`llama.${key}`)?.value;
      if (typeof value !== "number") throw new TypeError(`no number ${key}`);
      return value;
    };
    this.#file = file;
    this.#bytes = bytes;
    this.dim = number("embedding_length");
    this.nLayers = number("block_count");
    this.nHeads = number("attention.head_count");
    this.nKvHeads = number("attention.head_count_kv");
    this.headDim = this.dim / this.nHeads;
    this.eps = number("attention.layer_norm_rms_epsilon");
    this.ropeTheta = number("rope.freq_base");
  }

  static async read(path: string): Promise<ReferenceWeights> {
    return new ReferenceWeights(await readGguf(path), readFileSync(path));
  }

  /** A matrix, or a vector as a matrix of one row. */
  matrix(name: string): { type: string; rows: number; cols: number; values: Float64Array } {
    const known = this.#decoded.get(name);
    if (known !== undefined) return known;
    const tensor = this.#file.tensors.get(`${name}.weight`);
    if (tensor === undefined) throw new Error(`no tensor ${name}`);
    const cols = tensor.shape.at(-1) ?? 0;
    const values = decode(tensor, this.#bytes);
    const matrix = { type: tensor.type, rows: values.length / cols, cols, values };
    this.#decoded.set(name, matrix);
    return matrix;
  }
}

function decode({ type, shape, offset, nBytes }: GgufTensor, file: Buffer): Float64Array {
  const bytes = file.subarray(offset, offset + nBytes);
  const n = shape.reduce((product, size) => product * size, 1);
  const f16 = (at: number): number => halfToNumber(bytes.readUInt16LE(at));
  return Float64Array.from({ length: n }, (_, i) => {
    const block = Math.floor(i / 32);
    const within = i % 32;
    if (type === "f32") return bytes.readFloatLE(i * 4);
    if (type === "f16") return f16(i * 2);
    if (type === "q80") return f16(block * 34) * bytes.readInt8(block * 34 + 2 + within);
    if (type !== "q40") throw new Error(`no reference for ${type}`);
    const pair = bytes.readUInt8(block * 18 + 2 + (within % 16));
    return f16(block * 18) * ((within < 16 ? pair & 15 : pair >> 4) - 8);
  });
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
