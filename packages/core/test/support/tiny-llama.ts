/** A Llama that is small enough to be written down: as a description, to be changed, and as a file. */

import { encodeGgufHeader } from "../../src/gguf/encode-header.ts";
import { tensorBytes } from "../../src/gguf/tensor-types.ts";
import type { GgufTensorType } from "../../src/gguf/tensor-types.ts";
import type { GgufValue } from "../../src/gguf/value.ts";
import { SplitMix } from "../../src/sampling/split-mix.ts";
import { temporaryFile } from "./temporary-files.ts";

export const size = (value: number): GgufValue => ({ type: "uint32", value });
export const float = (value: number): GgufValue => ({ type: "float32", value });
export const text = (value: string): GgufValue => ({ type: "string", value });

export interface TinyTensor {
  name: string;
  type: GgufTensorType;
  shape: number[];
}

/** A Llama of one layer: dim 64, 4 heads, 2 KV heads, hidden 96, vocabulary 40. */
export function tinyLlama(): {
  metadata: Map<string, GgufValue>;
  tensors: Map<string, TinyTensor>;
} {
  const metadata = new Map([
    ["general.architecture", text("llama")],
    ["llama.embedding_length", size(64)],
    ["llama.block_count", size(1)],
    ["llama.attention.head_count", size(4)],
    ["llama.attention.head_count_kv", size(2)],
    ["llama.feed_forward_length", size(96)],
    ["llama.context_length", size(128)],
    ["llama.attention.layer_norm_rms_epsilon", float(1e-5)],
  ]);
  const shapes: [string, number[]][] = [
    ["token_embd", [40, 64]],
    ["output_norm", [64]],
    ["output", [40, 64]],
    ["blk.0.attn_norm", [64]],
    ["blk.0.attn_q", [64, 64]],
    ["blk.0.attn_k", [32, 64]],
    ["blk.0.attn_v", [32, 64]],
    ["blk.0.attn_output", [64, 64]],
    ["blk.0.ffn_norm", [64]],
    ["blk.0.ffn_gate", [96, 64]],
    ["blk.0.ffn_up", [96, 64]],
    ["blk.0.ffn_down", [64, 96]],
  ];
  const tensors = shapes.map(([name, shape]): [string, TinyTensor] => [
    name,
    { name: `${name}.weight`, type: "f32", shape },
  ]);
  return { metadata, tensors: new Map(tensors) };
}

/**
 * The tiny Llama with matrices of a type and random weights, always the same; with `wideHeads` 2 heads of 32
 * values and one KV head. Returns the file's path.
 */
export function randomLlama(
  type: "f32" | "q40" | "q80",
  { wideHeads = false }: { wideHeads?: boolean } = {},
): string {
  const { metadata, tensors } = tinyLlama();
  if (wideHeads) {
    metadata.set("llama.attention.head_count", size(2));
    metadata.set("llama.attention.head_count_kv", size(1));
  }
  const all = [...tensors.values()].map((tensor): TinyTensor => ({
    ...tensor,
    type: tensor.shape.length === 1 ? "f32" : type,
  }));
  const { header, offsets, nBytes } = encodeGgufHeader({ metadata, tensors: all });
  const file = Buffer.alloc(nBytes);
  file.set(header);
  const random = new SplitMix(1);
  for (const [index, tensor] of all.entries()) {
    const length = Number(tensorBytes(tensor.type, tensor.shape));
    fill(file.subarray(offsets[index], (offsets[index] ?? 0) + length), tensor.type, random);
  }
  return temporaryFile(file);
}

/** Floats of -1/8 to 1/8, or blocks of a scale of 2^-6 to 2^-5 and any quants. */
function fill(bytes: Buffer, type: GgufTensorType, random: SplitMix): void {
  if (type === "f32") {
    for (let at = 0; at < bytes.length; at += 4) {
      bytes.writeFloatLE((random.nextFloat() - 0.5) / 4, at);
    }
    return;
  }
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number(random.next() & 0xffn);
  const blockBytes = type === "q40" ? 18 : 34;
  for (let at = 0; at < bytes.length; at += blockBytes) {
    bytes.writeUInt16LE(0x2400 | (bytes.readUInt16LE(at) & 0x03ff), at);
  }
}
