/** Reads a model's tensors back, and says what they should be. */

import * as assert from "uvu/assert";
import { readFile } from "node:fs/promises";
import { readGguf } from "@dllama/core";
import { encode } from "./reference.ts";

export type ModelType = "q40" | "q80" | "f16" | "f32";

/** GGUF's name of one of Meta's tensors, written down anew. */
export function ggufName(metaName: string): string {
  const names: Record<string, string> = {
    tok_embeddings: "token_embd",
    norm: "output_norm",
    output: "output",
    "attention.wq": "attn_q",
    "attention.wk": "attn_k",
    "attention.wv": "attn_v",
    "attention.wo": "attn_output",
    "feed_forward.w1": "ffn_gate",
    "feed_forward.w2": "ffn_down",
    "feed_forward.w3": "ffn_up",
    attention_norm: "attn_norm",
    ffn_norm: "ffn_norm",
  };
  const [, layer = "", name = ""] = /^(layers\.\d+\.)?(.+)\.weight$/.exec(metaName) ?? [];
  return `${layer.replace("layers", "blk")}${names[name]}.weight`;
}

/** Vectors are F32; what cannot be cut into blocks is F16; the embedding is Q80 in q40. */
export function expectedType(
  name: string,
  shape: readonly number[],
  headDim: number,
  modelType: ModelType,
): ModelType {
  if (shape.length === 1) return "f32";
  if (modelType === "f32" || modelType === "f16") return modelType;
  if ((shape[1] ?? 0) % 32 !== 0) return "f16";
  if (name.includes("attn_output") && headDim % 32 !== 0) return "f16";
  return name === "token_embd.weight" ? "q80" : modelType;
}

export interface ExpectedTensor {
  shape: readonly number[];
  values: Float32Array;
}

/** Every tensor of `expected` (by Meta's names) is in the file, with these bytes, and no other is. */
export async function assertModel(
  path: string,
  expected: ReadonlyMap<string, ExpectedTensor>,
  headDim: number,
  modelType: ModelType,
): Promise<void> {
  const { tensors } = await readGguf(path);
  const bytes = await readFile(path);
  assert.equal([...tensors.keys()].toSorted(), [...expected.keys()].map(ggufName).toSorted());
  for (const [metaName, { shape, values }] of expected) {
    const name = ggufName(metaName);
    const tensor = tensors.get(name);
    const type = expectedType(name, shape, headDim, modelType);
    assert.is(tensor?.type, type, name);
    assert.equal(tensor?.shape, shape, name);
    const { offset = 0, nBytes = 0 } = tensor ?? {};
    const got = bytes.subarray(offset, offset + nBytes);
    assert.ok(got.equals(encode(values, type)), `${name} has other bytes than the reference`);
  }
}
