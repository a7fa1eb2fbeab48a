/** The tensors of a Llama's file, all of them, by their GGUF names. */

import { open } from "node:fs/promises";

import type { GgufFile } from "../gguf/gguf-file.ts";
import type { LlamaConfig } from "./llama-config.ts";
import { ModelTensors } from "./tensors.ts";
import type { ModelTensor } from "./tensors.ts";

export interface LlamaLayer {
  attentionNorm: ModelTensor;
  q: ModelTensor;
  k: ModelTensor;
  v: ModelTensor;
  attentionOutput: ModelTensor;
  ffnNorm: ModelTensor;
  gate: ModelTensor;
  up: ModelTensor;
  down: ModelTensor;
}

export interface LlamaTensors {
  vocabSize: number;
  embedding: ModelTensor;
  layers: LlamaLayer[];
  norm: ModelTensor;
  /** The embedding itself, where the file has no other. */
  output: ModelTensor;
  nBytes: number;
}

const EMBEDDING = "token_embd.weight";
const OUTPUT = "output.weight";
const ROPE_FACTORS = "rope_freqs.weight";

/** @throws DllamaError MODEL_MALFORMED or MODEL_UNSUPPORTED. */
export function takeLlamaTensors(file: GgufFile, config: LlamaConfig): LlamaTensors {
  const { dim, hiddenDim, nHeads, nKvHeads, headDim } = config;
  const tensors = new ModelTensors(file);
  const vocabSize = file.tensors.get(EMBEDDING)?.shape[0] ?? 0;
  const embedding = tensors.matrix(EMBEDDING, vocabSize, dim);
  const layers = Array.from({ length: config.nLayers }, (_, layer): LlamaLayer => {
    const name = (part: string): string => `blk.${layer}.${part}.weight`;
    return {
      attentionNorm: tensors.vector(name("attn_norm"), dim),
      q: tensors.matrix(name("attn_q"), nHeads * headDim, dim),
      k: tensors.matrix(name("attn_k"), nKvHeads * headDim, dim),
      v: tensors.matrix(name("attn_v"), nKvHeads * headDim, dim),
      attentionOutput: tensors.matrix(name("attn_output"), dim, nHeads * headDim),
      ffnNorm: tensors.vector(name("ffn_norm"), dim),
      gate: tensors.matrix(name("ffn_gate"), hiddenDim, dim),
      up: tensors.matrix(name("ffn_up"), hiddenDim, dim),
      down: tensors.matrix(name("ffn_down"), dim, hiddenDim),
    };
  });
  const norm = tensors.vector("output_norm.weight", dim);
  const output = tensors.has(OUTPUT) ? tensors.matrix(OUTPUT, vocabSize, dim) : embedding;
  if (tensors.has(ROPE_FACTORS)) tensors.vector(ROPE_FACTORS, headDim / 2);
  // Older converters wrote a layer's frequencies, which follow from the metadata.
  for (let layer = 0; layer < config.nLayers; layer++) {
    tensors.ignore(`blk.${layer}.attn_rot_embd.weight`);
  }
  tensors.requireAllTaken();
  return { vocabSize, embedding, layers, norm, output, nBytes: tensors.nBytes };
}

/** Radians a position for each pair of a head: `theta^(-2i / headDim)`, scaled as the file says. */
export async function ropeFrequencies(file: GgufFile, config: LlamaConfig): Promise<number[]> {
  const { headDim, ropeTheta, ropeScale } = config;
  const factors = await readRopeFactors(file);
  return Array.from({ length: headDim / 2 }, (_, pair) => {
    const frequency = ropeTheta ** ((-2 * pair) / headDim);
    return frequency / ropeScale / (factors?.[pair] ?? 1);
  });
}

/** Llama 3.1's divisors of the frequencies, which are a tensor of the file. */
async function readRopeFactors(file: GgufFile): Promise<Float32Array | undefined> {
  const tensor = file.tensors.get(ROPE_FACTORS);
  if (tensor === undefined) return undefined;
  const handle = await open(file.path);
  try {
    const bytes = new Uint8Array(tensor.nBytes);
    await handle.read(bytes, 0, bytes.length, tensor.offset);
    return new Float32Array(bytes.buffer);
  } finally {
    await handle.close();
  }
}
