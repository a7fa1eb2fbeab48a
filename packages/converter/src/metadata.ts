/**
 * The metadata of a GGUF file of architecture `llama`: what llama.cpp needs to load it. Keys and
 * types: ggml's docs/gguf.md. No dates or versions: the same checkpoint gives the same bytes.
 */

import type { GgufValue, Vocabulary } from "@dllama/core";
import type { FloatType } from "./float-types.ts";
import type { LlamaParams } from "./sources/meta/params.ts";

/** llama.cpp's `LLAMA_FTYPE_*`. */
const FILE_TYPES: Readonly<Record<FloatType, number>> = { f32: 0, f16: 1, q40: 2, q80: 7 };

/** Of ggml's block formats. */
const QUANTIZATION_VERSION = 2;

export interface MetadataSource {
  readonly params: LlamaParams;
  readonly vocabulary: Vocabulary;
  readonly name: string;
  readonly type: FloatType;
  readonly contextLength: number;
}

export function llamaMetadata(source: MetadataSource): Map<string, GgufValue> {
  const { params, vocabulary, name, type, contextLength } = source;
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", { type: "string", value: "llama" }],
    ["general.name", { type: "string", value: name }],
    ["general.file_type", uint32(FILE_TYPES[type])],
    ["llama.vocab_size", uint32(vocabulary.pieces.length)],
    ["llama.context_length", uint32(contextLength)],
    ["llama.embedding_length", uint32(params.dim)],
    ["llama.block_count", uint32(params.nLayers)],
    ["llama.feed_forward_length", uint32(params.hiddenDim)],
    ["llama.attention.head_count", uint32(params.nHeads)],
    ["llama.attention.head_count_kv", uint32(params.nKvHeads)],
    ["llama.attention.layer_norm_rms_epsilon", { type: "float32", value: params.normEps }],
    ["llama.rope.dimension_count", uint32(params.headDim)],
    ["llama.rope.freq_base", { type: "float32", value: params.ropeTheta }],
  ]);
  if (type === "q40" || type === "q80") {
    metadata.set("general.quantization_version", uint32(QUANTIZATION_VERSION));
  }
  for (const [key, value] of tokenizerMetadata(vocabulary)) metadata.set(key, value);
  return metadata;
}

function tokenizerMetadata(vocabulary: Vocabulary): [string, GgufValue][] {
  const { pieces, scores, types, bosId, eosId, unkId } = vocabulary;
  return [
    ["tokenizer.ggml.model", { type: "string", value: "llama" }],
    ["tokenizer.ggml.tokens", { type: "array", of: "string", value: pieces }],
    ["tokenizer.ggml.scores", { type: "array", of: "float32", value: scores }],
    ["tokenizer.ggml.token_type", { type: "array", of: "int32", value: types }],
    ["tokenizer.ggml.bos_token_id", uint32(bosId)],
    ["tokenizer.ggml.eos_token_id", uint32(eosId)],
    ["tokenizer.ggml.unknown_token_id", uint32(unkId)],
    ["tokenizer.ggml.add_bos_token", bool(vocabulary.addBos)],
    ["tokenizer.ggml.add_eos_token", bool(false)],
    ["tokenizer.ggml.add_space_prefix", bool(vocabulary.addDummyPrefix)],
    ["tokenizer.ggml.remove_extra_whitespaces", bool(vocabulary.removeExtraWhitespaces)],
  ];
}

function bool(value: boolean): GgufValue {
  return { type: "bool", value };
}

function uint32(value: number): GgufValue {
  return { type: "uint32", value };
}
