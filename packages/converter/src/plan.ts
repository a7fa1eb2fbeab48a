/** What a conversion will write, known from `params.json` and the tokenizer alone. */

import { basename, join } from "node:path";
import { DllamaError, readTokenizer } from "@dllama/core";
import type { FloatType } from "./float-types.ts";
import { layOutModel } from "./layout.ts";
import type { ModelLayout } from "./layout.ts";
import { outputPathOf } from "./options.ts";
import type { ConversionOptions } from "./options.ts";
import { findMetaFolder, findTokenizer, partNames } from "./sources/meta/folder.ts";
import { readParams } from "./sources/meta/params.ts";
import type { LlamaParams } from "./sources/meta/params.ts";

const MAX_CONTEXT_LENGTH = 2 ** 24;

export interface ConversionPlan extends ModelLayout {
  /** The checkpoint's folder, absolute. */
  readonly folder: string;
  /** The model to write, absolute. */
  readonly outputPath: string;
  /** Paths of the files that it is made from. */
  readonly inputs: readonly string[];
  readonly type: FloatType;
  readonly params: LlamaParams;
  readonly contextLength: number;
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
  const paramsPath = join(folder, "params.json");
  const params = await readParams(paramsPath);
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

  const name = options.name ?? basename(folder);
  const layout = layOutModel({ params, vocabulary, name, type, contextLength });
  const outputPath = outputPathOf(options, folder);
  const parts = (await partNames(folder)).map((part) => join(folder, part));
  const inputs = [paramsPath, tokenizerPath, ...parts];
  return { folder, outputPath, inputs, type, params, contextLength, ...layout };
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
