/** What a conversion is asked for. */

import { basename, dirname, join, resolve } from "node:path";
import type { FloatType } from "./float-types.ts";

export interface ConversionOptions {
  /** The checkpoint's folder. */
  folder: string;
  /** Float type of the matrices. */
  type: FloatType;
  /** Path of the model to write. Defaults to `PARENT/FOLDER-TYPE.gguf`. */
  output?: string | undefined;
  /** Path of the SentencePiece model. Defaults to `tokenizer.model` in the folder or its parent. */
  tokenizer?: string | undefined;
  /** Positions the model was trained for. Defaults to what params.json tells. */
  contextLength?: number | undefined;
  /** `general.name` in the file. Defaults to the folder's name. */
  name?: string | undefined;
  /** Replace the output if it exists. Defaults to `false`. */
  force?: boolean | undefined;
}

/** `folder` is absolute. */
export function outputPathOf({ output, type }: ConversionOptions, folder: string): string {
  return output === undefined
    ? join(dirname(folder), `${basename(folder) || "model"}-${type}.gguf`)
    : resolve(output);
}
