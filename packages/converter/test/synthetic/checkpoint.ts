/** Makes checkpoints in Meta's format: any shapes, value types and numbers of parts. */

import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bf16ToNumber, f16ToNumber } from "../reference.ts";
import { stateDictionary } from "./pickle.ts";
import type { PickledTensor } from "./pickle.ts";
import { writeZip } from "./zip.ts";

export const FIXTURES = fileURLToPath(new URL("../../../../fixtures/", import.meta.url));
/** 512 pieces. */
export const SMALL_TOKENIZER = join(FIXTURES, "stories260K/meta/tokenizer.model");

export type ValueType = "bf16" | "f16" | "f32";

const STORAGES = { bf16: "BFloat16Storage", f16: "HalfStorage", f32: "FloatStorage" };
const VALUE_BYTES = { bf16: 2, f16: 2, f32: 4 };

/** A tensor as it is stored, row-major. */
export interface StoredTensor {
  name: string;
  type: ValueType;
  shape: readonly number[];
  bytes: Buffer;
}

/** A new folder that is removed when `use` ends. */
export async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "dllama-converter-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Heads of 32 values, so that every matrix can be quantised. */
export const SMALL_PARAMS = {
  dim: 128,
  n_layers: 2,
  n_heads: 4,
  n_kv_heads: 2,
  multiple_of: 32,
  norm_eps: 1e-5,
  vocab_size: -1,
};

export type Params = typeof SMALL_PARAMS;

/** Names and shapes of Meta's tensors, written down anew: [name, rows, columns, cut along]. */
export function shapesOf(
  params: Params,
  vocabSize: number,
): [string, number[], 0 | 1 | undefined][] {
  const { dim, multiple_of: m } = params;
  const kvDim = (dim / params.n_heads) * params.n_kv_heads;
  const hidden = Math.ceil(Math.floor((8 * dim) / 3) / m) * m;
  const layers = Array.from({ length: params.n_layers }, (_, n) => `layers.${n}`);
  return [
    ["tok_embeddings.weight", [vocabSize, dim], 1],
    ["norm.weight", [dim], undefined],
    ["output.weight", [vocabSize, dim], 0],
    ...layers.flatMap((layer): [string, number[], 0 | 1 | undefined][] => [
      [`${layer}.attention.wq.weight`, [dim, dim], 0],
      [`${layer}.attention.wk.weight`, [kvDim, dim], 0],
      [`${layer}.attention.wv.weight`, [kvDim, dim], 0],
      [`${layer}.attention.wo.weight`, [dim, dim], 1],
      [`${layer}.feed_forward.w1.weight`, [hidden, dim], 0],
      [`${layer}.feed_forward.w2.weight`, [dim, hidden], 1],
      [`${layer}.feed_forward.w3.weight`, [hidden, dim], 0],
      [`${layer}.attention_norm.weight`, [dim], undefined],
      [`${layer}.ffn_norm.weight`, [dim], undefined],
    ]),
  ];
}

/** Finite values between 2^-6 and 2^2 in magnitude, of both signs. */
export function randomTensor(
  name: string,
  type: ValueType,
  shape: readonly number[],
  seed: number,
): StoredTensor {
  const nValues = shape.reduce((product, size) => product * size, 1);
  const bytes = Buffer.alloc(nValues * VALUE_BYTES[type]);
  let state = seed;
  for (let n = 0; n < nValues; n += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0; // Numerical Recipes' generator
    const random = state / 2 ** 32;
    const sign = (state >>> 13) % 2;
    if (type === "bf16")
      bytes.writeUInt16LE(sign * 0x8000 + 0x3c80 + Math.floor(random * 0x400), 2 * n);
    else if (type === "f16")
      bytes.writeUInt16LE(sign * 0x8000 + 0x2400 + Math.floor(random * 0x2000), 2 * n);
    else bytes.writeFloatLE((sign * 2 - 1) * 2 ** (random * 8 - 6), 4 * n);
  }
  return { name, type, shape, bytes };
}

export function valuesOf({ type, bytes }: StoredTensor): Float32Array {
  const nValues = bytes.length / VALUE_BYTES[type];
  return Float32Array.from({ length: nValues }, (_, n) => {
    if (type === "f32") return bytes.readFloatLE(4 * n);
    const half = bytes.readUInt16LE(2 * n);
    return type === "bf16" ? bf16ToNumber(half) : f16ToNumber(half);
  });
}

/** Columns or rows `start` to `end`. */
export function slice(tensor: StoredTensor, axis: 0 | 1, start: number, end: number): StoredTensor {
  const [nRows = 1, nCols = 1] = tensor.shape;
  const valueBytes = VALUE_BYTES[tensor.type];
  const [rows, cols] =
    axis === 0
      ? [
          [start, end],
          [0, nCols],
        ]
      : [
          [0, nRows],
          [start, end],
        ];
  const [firstRow = 0, endRow = 0] = rows ?? [];
  const [firstCol = 0, endCol = 0] = cols ?? [];
  const pieces = Array.from({ length: endRow - firstRow }, (_, n) => {
    const row = (firstRow + n) * nCols;
    return tensor.bytes.subarray((row + firstCol) * valueBytes, (row + endCol) * valueBytes);
  });
  return { ...tensor, shape: [endRow - firstRow, endCol - firstCol], bytes: Buffer.concat(pieces) };
}

export interface PartOptions {
  zip64?: boolean;
  /** Of the entry `byteorder`. Defaults to "little"; "" leaves the entry out. */
  byteOrder?: string;
  /** Replaces the pickle. */
  pickle?: Buffer;
  /** The archive's name for itself. Defaults to "part". */
  root?: string;
}

/** Writes what torch.save would. */
export async function writePart(
  path: string,
  tensors: readonly StoredTensor[],
  { zip64 = false, byteOrder = "little", pickle, root = "part" }: PartOptions = {},
): Promise<void> {
  const pickled = tensors.map(({ name, type, shape, bytes }, key): PickledTensor => {
    const nValues = bytes.length / VALUE_BYTES[type];
    return { name, storage: STORAGES[type], key: String(key), nValues, shape };
  });
  const entries = [
    { name: `${root}/data.pkl`, data: pickle ?? stateDictionary(pickled) },
    ...(byteOrder === "" ? [] : [{ name: `${root}/byteorder`, data: Buffer.from(byteOrder) }]),
    ...tensors.map(({ bytes }, key) => ({ name: `${root}/data/${key}`, data: bytes })),
  ];
  await writeZip(path, entries, zip64);
}

export interface CheckpointOptions extends PartOptions {
  params?: Params;
  type?: ValueType;
  nParts?: number;
  /** Whether each archive is named after its file. Defaults to `false`. */
  named?: boolean;
  tokenizer?: string;
  vocabSize?: number;
}

/** Fills `folder`, and returns the whole tensors by name. */
export async function writeCheckpoint(
  folder: string,
  options: CheckpointOptions = {},
): Promise<Map<string, StoredTensor>> {
  const { params = SMALL_PARAMS, type = "bf16", nParts = 1, vocabSize = 512 } = options;
  await mkdir(folder, { recursive: true });
  await copyFile(options.tokenizer ?? SMALL_TOKENIZER, join(folder, "tokenizer.model"));
  await writeFile(join(folder, "params.json"), JSON.stringify(params));
  const whole = new Map<string, StoredTensor>();
  const parts: StoredTensor[][] = Array.from({ length: nParts }, () => []);
  shapesOf(params, vocabSize).forEach(([name, shape, axis], seed) => {
    const tensor = randomTensor(name, type, shape, seed);
    whole.set(name, tensor);
    parts.forEach((part, n) => {
      const size = axis === undefined ? 0 : (shape[axis] ?? 0);
      part.push(
        axis === undefined
          ? tensor
          : slice(
              tensor,
              axis,
              Math.floor((n * size) / nParts),
              Math.floor(((n + 1) * size) / nParts),
            ),
      );
    });
  });
  for (const [n, part] of parts.entries()) {
    part.push(randomTensor("rope.freqs", type, [params.dim / params.n_heads / 2], n));
    const name = `consolidated.0${n}`;
    const named = options.named === true ? { ...options, root: name } : options;
    await writePart(join(folder, `${name}.pth`), part, named);
  }
  return whole;
}
