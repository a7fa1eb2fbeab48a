/** What a conversion will write, known from `params.json` and the tokenizer alone. */

import { basename, join } from "node:path";
import { DllamaError, encodeGgufHeader, readTokenizer, tensorBytes } from "@dllama/core";
import type { FloatType } from "./float-types.ts";
import { llamaMetadata } from "./metadata.ts";
import { outputPathOf } from "./options.ts";
import type { ConversionOptions } from "./options.ts";
import { findMetaFolder, findTokenizer } from "./sources/meta/folder.ts";
import { readParams } from "./sources/meta/params.ts";
import type { LlamaParams } from "./sources/meta/params.ts";
import { metaTensors } from "./sources/meta/tensors.ts";
import type { MetaTensor } from "./sources/meta/tensors.ts";
import { chooseType } from "./tensor-type.ts";

const MAX_CONTEXT_LENGTH = 2 ** 24;

export interface PlannedTensor extends MetaTensor {
  readonly type: FloatType;
  readonly nBytes: number;
  /** In bytes from the start of the file. */
  readonly offset: number;
}

export interface ConversionPlan {
  /** The checkpoint's folder, absolute. */
  readonly folder: string;
  /** The model to write, absolute. */
  readonly outputPath: string;
  readonly type: FloatType;
  readonly params: LlamaParams;
  readonly contextLength: number;
  readonly tensors: readonly PlannedTensor[];
  /** Everything in the file before the first tensor. */
  readonly header: Uint8Array;
  /** Size of the whole file. */
  readonly nBytes: number;
  /** Sentences about matrices that do not get the type asked for. */
  readonly notes: readonly string[];
}

/**
 * Reads `params.json` and the tokenizer; looks at nothing else, and writes nothing.
 *
 * @throws {DllamaError} FILE_NOT_FOUND, FILE_UNREADABLE, CHECKPOINT_MALFORMED,
 *   CHECKPOINT_UNSUPPORTED, TOKENIZER_..., INVALID_ARGUMENT
 */
export async function planConversion(options: ConversionOptions): Promise<ConversionPlan> {
  const { type } = options;
  const folder = await findMetaFolder(options.folder);
  const params = await readParams(join(folder, "params.json"));
  const contextLength = contextLengthOf(options, params);
  const tokenizerPath = options.tokenizer ?? (await findTokenizer(folder));
  const { vocabulary } = await readTokenizer(tokenizerPath);
  const vocabSize = vocabulary.pieces.length;
  if (params.vocabSize !== -1 && params.vocabSize !== vocabSize) {
    throw new DllamaError(
      "TOKENIZER_MISMATCH",
      `${tokenizerPath} has ${vocabSize} tokens; params.json calls for ${params.vocabSize}`,
      { hint: "Use the tokenizer.model that came with this checkpoint (--tokenizer)." },
    );
  }

  const choices = metaTensors(params, vocabSize).map((tensor) => ({
    ...tensor,
    ...chooseType(tensor.name, tensor.shape, params.headDim, type),
  }));
  const name = options.name ?? basename(folder);
  const metadata = llamaMetadata({ params, vocabulary, name, type, contextLength });
  const { header, offsets, nBytes } = encodeGgufHeader({ metadata, tensors: choices });
  const tensors = choices.map((choice, n) => ({
    name: choice.name,
    sourceName: choice.sourceName,
    shape: choice.shape,
    cutAxis: choice.cutAxis,
    type: choice.type,
    nBytes: sizeOf(choice.type, choice.shape),
    offset: offsets[n] ?? 0,
  }));
  const outputPath = outputPathOf(options, folder);
  const notes = notesOn(choices, type);
  return { folder, outputPath, type, params, contextLength, tensors, header, nBytes, notes };
}

function contextLengthOf(options: ConversionOptions, params: LlamaParams): number {
  const contextLength = options.contextLength ?? params.contextLength;
  if (contextLength === undefined) {
    throw new DllamaError(
      "INVALID_ARGUMENT",
      `params.json does not tell for how many positions the model was trained (norm_eps ` +
        `${params.normEps}, rope_theta ${params.ropeTheta} are of no model known)`,
      { hint: "Say it with --context-length N." },
    );
  }
  if (!Number.isInteger(contextLength) || contextLength < 1 || contextLength > MAX_CONTEXT_LENGTH) {
    throw new DllamaError(
      "INVALID_ARGUMENT",
      `a context length of ${contextLength}; a whole number from 1 to ${MAX_CONTEXT_LENGTH} was expected`,
    );
  }
  return contextLength;
}

function sizeOf(type: FloatType, shape: readonly number[]): number {
  const nBytes = tensorBytes(type, shape);
  if (typeof nBytes === "string") throw new DllamaError("INTERNAL", nBytes);
  return nBytes;
}

/** One sentence for each kind of tensor, not for each of its 80 layers. */
function notesOn(
  choices: readonly { name: string; because?: string }[],
  modelType: FloatType,
): string[] {
  const counts = new Map<string, number>();
  for (const { name, because } of choices) {
    if (because === undefined) continue;
    const kind = `${name.replace(/^blk\.\d+\./, "blk.*.")} is F16, not ${modelType}: ${because}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${kind} (${count} tensor${count > 1 ? "s" : ""})`);
}
