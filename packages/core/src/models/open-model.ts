/** What a model family makes of a GGUF file of its architecture. */

import type { CacheType } from "../program/generated/CacheType.ts";
import type { Program } from "../program/generated/Program.ts";
import type { WireType } from "../program/generated/WireType.ts";

/** A model whose file has been checked, ready to be shared out. */
export interface OpenModel {
  /** Size of the vocabulary. */
  vocabSize: number;
  /** Positions that the model was trained on. */
  contextLength: number;
  /** The float type of most of its weights. */
  floatType: string;
  /** Bytes of the weights that its Programs use. */
  weightBytes: number;
  /** Ranks that it can be shared over at most. */
  maxRanks: number;
  /** Whether a head's keys and values are whole Q80 blocks. */
  canCacheQ80: boolean;
  /** One Program a rank. */
  programs(options: ProgramOptions): Program[];
}

export interface ProgramOptions {
  worldSize: number;
  /** What part each rank has, as weights of the ranks. Defaults to equal parts. */
  split?: readonly number[] | undefined;
  /** Positions of the KV cache. */
  seqLen: number;
  /** Sequences that the KV cache holds side by side. */
  nSequences: number;
  /** Rows of one forward at most. */
  maxTokens: number;
  bufferFloatType: WireType;
  kvCacheType: CacheType;
}
