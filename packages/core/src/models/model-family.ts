/** A model family: how a GGUF file of one architecture becomes Programs. */

import { DllamaError } from "../errors.ts";
import type { GgufFile } from "../gguf/gguf-file.ts";
import { MetadataView } from "../gguf/metadata-view.ts";
import type { CacheType } from "../program/generated/CacheType.ts";
import type { Program } from "../program/generated/Program.ts";
import type { WireType } from "../program/generated/WireType.ts";
import { openLlama } from "./llama.ts";

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
  /** One Program a rank. */
  programs(options: ProgramOptions): Program[];
}

export interface ProgramOptions {
  worldSize: number;
  /** Positions of the KV cache. */
  seqLen: number;
  /** Rows of one forward at most. */
  maxTokens: number;
  bufferFloatType: WireType;
  kvCacheType: CacheType;
}

type Open = (file: GgufFile) => Promise<OpenModel>;

/** By `general.architecture`. A new family is a file beside this one and a line here. */
const FAMILIES = new Map<string, Open>([["llama", openLlama]]);

/**
 * Reads a model's configuration and checks its tensors.
 *
 * @throws DllamaError MODEL_UNSUPPORTED or MODEL_MALFORMED.
 */
export function openModel(file: GgufFile): Promise<OpenModel> {
  const architecture = new MetadataView(file).string("general.architecture");
  const open = FAMILIES.get(architecture);
  if (open !== undefined) return open(file);
  throw new DllamaError(
    "MODEL_UNSUPPORTED",
    `${file.path}: expected an architecture of ${[...FAMILIES.keys()].join(", ")}, got "${architecture}"`,
    { hint: "Models of the Llama family (Llama 2, TinyLlama, ...) run." },
  );
}
