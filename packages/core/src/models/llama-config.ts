/** The sizes of a Llama, from its file's metadata. */

import { DllamaError } from "../errors.ts";
import type { GgufFile } from "../gguf/gguf-file.ts";
import { MetadataView } from "../gguf/metadata-view.ts";

export interface LlamaConfig {
  dim: number;
  hiddenDim: number;
  nLayers: number;
  nHeads: number;
  nKvHeads: number;
  headDim: number;
  contextLength: number;
  rmsNormEps: number;
  ropeTheta: number;
  /** Positions are divided by it: `linear` scaling. */
  ropeScale: number;
}

/** No model comes near, and products of two stay exact integers. */
const MAX_SIZE = 1 << 24;
const MAX_LAYERS = 1024;

/** @throws DllamaError MODEL_MALFORMED or MODEL_UNSUPPORTED. */
export function readLlamaConfig(file: GgufFile): LlamaConfig {
  const metadata = new MetadataView(file);
  const size = (key: string, fallback?: number, max = MAX_SIZE): number => {
    const value = metadata.size(`llama.${key}`, fallback);
    if (value >= 1 && value <= max) return value;
    throw malformed(file, `llama.${key}`, `1 to ${max}`, value);
  };
  const dim = size("embedding_length");
  const nHeads = size("attention.head_count");
  const nKvHeads = size("attention.head_count_kv", nHeads);
  if (nHeads % nKvHeads !== 0) {
    throw malformed(file, "llama.attention.head_count_kv", `a divisor of ${nHeads}`, nKvHeads);
  }
  const headDim = size("attention.key_length", dim / nHeads);
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) {
    throw malformed(file, "llama.attention.head_count", `even heads of dimension ${dim}`, nHeads);
  }
  requireEqual(file, metadata, "attention.value_length", headDim);
  requireEqual(file, metadata, "rope.dimension_count", headDim);
  if (metadata.size("llama.expert_count", 0) > 0) {
    throw unsupported(file, "a mixture of experts");
  }
  const eps = metadata.float("llama.attention.layer_norm_rms_epsilon");
  if (!(eps >= 0 && eps < 1)) {
    throw malformed(file, "llama.attention.layer_norm_rms_epsilon", "0 to 1", eps);
  }
  const ropeTheta = metadata.float("llama.rope.freq_base", 10_000);
  if (!(ropeTheta > 0)) throw malformed(file, "llama.rope.freq_base", "more than 0", ropeTheta);
  return {
    dim,
    hiddenDim: size("feed_forward_length"),
    nLayers: size("block_count", undefined, MAX_LAYERS),
    nHeads,
    nKvHeads,
    headDim,
    contextLength: size("context_length"),
    rmsNormEps: eps,
    ropeTheta,
    ropeScale: readRopeScale(file, metadata),
  };
}

function readRopeScale(file: GgufFile, metadata: MetadataView): number {
  const type = metadata.string("llama.rope.scaling.type", "none");
  // Older files have the factor alone.
  const legacy = metadata.float("llama.rope.scale_linear", 1);
  if (type === "none") return positive(file, "llama.rope.scale_linear", legacy);
  if (type !== "linear") throw unsupported(file, `RoPE scaling of type "${type}"`);
  const key = "llama.rope.scaling.factor";
  return positive(file, key, metadata.float(key, legacy));
}

function positive(file: GgufFile, key: string, value: number): number {
  if (value > 0) return value;
  throw malformed(file, key, "more than 0", value);
}

function requireEqual(file: GgufFile, metadata: MetadataView, key: string, headDim: number): void {
  const value = metadata.size(`llama.${key}`, headDim);
  if (value === headDim) return;
  throw unsupported(file, `llama.${key} of ${value} with heads of ${headDim}`);
}

function malformed(file: GgufFile, key: string, expected: string, got: number): DllamaError {
  const message = `${file.path}: expected ${expected} for metadata "${key}", got ${got}`;
  return new DllamaError("MODEL_MALFORMED", message, {
    hint: "The file is damaged: convert or download it again.",
  });
}

function unsupported(file: GgufFile, what: string): DllamaError {
  const message = `${file.path}: ${what} is not supported`;
  return new DllamaError("MODEL_UNSUPPORTED", message, {
    hint: "Dense models of the Llama family (Llama 2, TinyLlama, ...) run.",
  });
}
