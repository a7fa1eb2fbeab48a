/**
 * The Llama family as Programs. Source of the architecture: Touvron et al., "Llama 2: Open Foundation
 * and Fine-Tuned Chat Models", 2023. GGUF's `llama` has interleaved RoPE pairs.
 */

import { attentionUnits, planShards } from "../cluster/shards.ts";
import type { Shard, SplitSizes } from "../cluster/shards.ts";
import { equalSplit } from "../cluster/split.ts";
import { DllamaError } from "../errors.ts";
import type { GgufFile } from "../gguf/gguf-file.ts";
import type { FloatType } from "../program/generated/FloatType.ts";
import type { Program } from "../program/generated/Program.ts";
import { ProgramBuilder } from "../program/program-builder.ts";
import type { BufferHandle } from "../program/program-builder.ts";
import { readLlamaConfig } from "./llama-config.ts";
import type { LlamaConfig } from "./llama-config.ts";
import { ropeFrequencies, takeLlamaTensors } from "./llama-tensors.ts";
import type { LlamaLayer, LlamaTensors } from "./llama-tensors.ts";
import type { OpenModel, ProgramOptions } from "./open-model.ts";
import { columnSlice, rowSlice } from "./tensors.ts";

/**
 * Candidates a row: with the usual temperature and top-p nearly every draw lies among them, at 1 KiB
 * a rank and token on the wire.
 */
const N_CANDIDATES = 128;

interface Llama {
  config: LlamaConfig;
  tensors: LlamaTensors;
  frequencies: number[];
}

/** Reads a Llama's configuration and checks its tensors. */
export async function openLlama(file: GgufFile): Promise<OpenModel> {
  const config = readLlamaConfig(file);
  const tensors = takeLlamaTensors(file, config);
  const llama = { config, tensors, frequencies: await ropeFrequencies(file, config) };
  return {
    vocabSize: tensors.vocabSize,
    contextLength: config.contextLength,
    // Nearly all weights of a Llama are in matrices like this one.
    floatType: tensors.layers[0]?.q.type ?? tensors.embedding.type,
    weightBytes: tensors.nBytes,
    maxRanks: attentionUnits(splitSizes(llama)),
    canCacheQ80: config.headDim % 32 === 0,
    programs: (options) => llamaPrograms(llama, options),
  };
}

function llamaPrograms(llama: Llama, options: ProgramOptions): Program[] {
  const { config } = llama;
  const { worldSize, split = equalSplit(worldSize), bufferFloatType, kvCacheType } = options;
  if (worldSize > 1 && bufferFloatType === "q80" && config.dim % 32 !== 0) {
    throw new DllamaError(
      "INVALID_ARGUMENT",
      `expected a dimension that is a multiple of 32 for q80 buffers, got ${config.dim}`,
      { hint: "Run with --buffer-float-type f32." },
    );
  }
  if (kvCacheType === "q80" && config.headDim % 32 !== 0) {
    throw new DllamaError(
      "INVALID_ARGUMENT",
      `expected heads of a multiple of 32 values for a q80 KV cache, got ${config.headDim}`,
      { hint: "Run with --kv-cache-type f16." },
    );
  }
  const shards = planShards(splitSizes(llama), split);
  const vocabSplit = shards.map((shard) => shard.vocab.n);
  return shards.map((shard) => writeProgram(llama, shard, vocabSplit, options));
}

function splitSizes({ config, tensors }: Llama): SplitSizes {
  const isQuantised = (type: FloatType): boolean => type === "q40" || type === "q80";
  const quantised = {
    attentionOutput: tensors.layers.some((layer) => isQuantised(layer.attentionOutput.type)),
    ffnDown: tensors.layers.some((layer) => isQuantised(layer.down.type)),
  };
  return { ...config, vocabSize: tensors.vocabSize, quantised };
}

/** The activations of a forward, and what layers share. */
interface Activations {
  /** The residual: (tokens, dim). */
  x: BufferHandle;
  /** What is normalised: (tokens, dim). */
  h: BufferHandle;
  /** (tokens, heads * headDim) of this rank. */
  q: BufferHandle;
  /** (tokens, kvHeads * headDim) of this rank. */
  k: BufferHandle;
  v: BufferHandle;
  /** What attention gives: (tokens, heads * headDim) of this rank. */
  attended: BufferHandle;
  /** (tokens, hiddenDim) of this rank. */
  gate: BufferHandle;
  up: BufferHandle;
  hidden: BufferHandle;
  /** This rank's part of a sum: (tokens, dim). */
  partial: BufferHandle;
}

function writeProgram(
  llama: Llama,
  shard: Shard,
  vocabSplit: number[],
  options: ProgramOptions,
): Program {
  const { config, tensors } = llama;
  const { seqLen, nSequences, maxTokens, bufferFloatType, kvCacheType } = options;
  const program = new ProgramBuilder({
    worldSize: shard.worldSize,
    rank: shard.rank,
    vocabSize: tensors.vocabSize,
    seqLen,
    nSequences,
    maxTokens,
    bufferFloatType,
    kvCacheType,
  });
  const on = declareActivations(program, config, shard);
  const rope = program.rotation({ style: "interleaved", frequencies: llama.frequencies });

  const table = shard.rank === 0 ? program.weight(rowSlice(tensors.embedding)) : null;
  program.embedding(table, embeddingWire(tensors, options), on.x);
  for (const [index, layer] of tensors.layers.entries()) {
    program.layer(index, () => {
      writeAttention(program, config, shard, layer, on, rope);
      writeFeedForward(program, config, shard, layer, on);
    });
  }
  writeLogits(program, llama, shard, vocabSplit, on);
  return program.build();
}

/** As stored; F16 and F32 rows go over the wire as the buffers do. One rank alone has no wire. */
function embeddingWire({ embedding }: LlamaTensors, options: ProgramOptions): FloatType {
  const isFloat = embedding.type === "f16" || embedding.type === "f32";
  const { worldSize, bufferFloatType } = options;
  return isFloat && worldSize > 1 && bufferFloatType === "q80" ? "q80" : embedding.type;
}

function declareActivations(
  program: ProgramBuilder,
  { dim, headDim }: LlamaConfig,
  { heads, kvHeads, hidden }: Shard,
): Activations {
  return {
    x: program.buffer("x", dim),
    h: program.buffer("h", dim),
    q: program.buffer("q", heads.n * headDim),
    k: program.buffer("k", kvHeads.n * headDim),
    v: program.buffer("v", kvHeads.n * headDim),
    attended: program.buffer("attended", heads.n * headDim),
    gate: program.buffer("gate", hidden.n),
    up: program.buffer("up", hidden.n),
    hidden: program.buffer("hidden", hidden.n),
    partial: program.buffer("partial", dim),
  };
}

/** `x += attention(rmsNorm(x)) . wo` */
function writeAttention(
  program: ProgramBuilder,
  config: LlamaConfig,
  { heads, kvHeads }: Shard,
  layer: LlamaLayer,
  on: Activations,
  rope: ReturnType<ProgramBuilder["rotation"]>,
): void {
  const { headDim, rmsNormEps, nHeads, nKvHeads } = config;
  const groupSize = nHeads / nKvHeads;
  const rows = (part: { first: number; n: number }): [number, number] => [
    part.first * headDim,
    part.n * headDim,
  ];
  program.rmsNorm(on.x, program.weight(rowSlice(layer.attentionNorm)), on.h, rmsNormEps);
  program.matMul(on.h, [
    { weight: program.weight(rowSlice(layer.q, ...rows(heads))), out: on.q },
    { weight: program.weight(rowSlice(layer.k, ...rows(kvHeads))), out: on.k },
    { weight: program.weight(rowSlice(layer.v, ...rows(kvHeads))), out: on.v },
  ]);
  program.rope(rope, [on.q, on.k]);
  program.attention({
    cache: program.kvCache({ nKvHeads: kvHeads.n, headDim }),
    q: on.q,
    k: on.k,
    v: on.v,
    out: on.attended,
    groupSize,
    firstInGroup: heads.first - kvHeads.first * groupSize,
    scale: 1 / Math.sqrt(headDim),
  });
  const output = program.weight(columnSlice(layer.attentionOutput, ...rows(heads)));
  program.matMul(on.attended, [{ weight: output, out: on.partial }]);
  program.allReduce(on.partial, on.x);
}

/** `x += (silu(h . w1) * (h . w3)) . w2` with `h = rmsNorm(x)` */
function writeFeedForward(
  program: ProgramBuilder,
  { rmsNormEps }: LlamaConfig,
  { hidden }: Shard,
  layer: LlamaLayer,
  on: Activations,
): void {
  program.rmsNorm(on.x, program.weight(rowSlice(layer.ffnNorm)), on.h, rmsNormEps);
  program.matMul(on.h, [
    { weight: program.weight(rowSlice(layer.gate, hidden.first, hidden.n)), out: on.gate },
    { weight: program.weight(rowSlice(layer.up, hidden.first, hidden.n)), out: on.up },
  ]);
  program.swiGlu(on.gate, on.up, on.hidden);
  const down = program.weight(columnSlice(layer.down, hidden.first, hidden.n));
  program.matMul(on.hidden, [{ weight: down, out: on.partial }]);
  program.allReduce(on.partial, on.x);
}

/** Logits of the wanted rows alone: of a prompt's chunk that is at most the last. */
function writeLogits(
  program: ProgramBuilder,
  { config, tensors }: Llama,
  { vocab }: Shard,
  vocabSplit: number[],
  { x }: Activations,
): void {
  const selected = program.buffer("selected", config.dim, "selected");
  const normed = program.buffer("normed", config.dim, "selected");
  const logits = program.buffer("logits", vocab.n, "selected");
  program.selectRows(x, selected);
  program.rmsNorm(selected, program.weight(rowSlice(tensors.norm)), normed, config.rmsNormEps);
  const output = program.weight(rowSlice(tensors.output, vocab.first, vocab.n));
  program.matMul(normed, [{ weight: output, out: logits }]);
  program.candidates(logits, vocabSplit, N_CANDIDATES);
}
