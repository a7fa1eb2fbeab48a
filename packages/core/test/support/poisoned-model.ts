/** The embedded model with a number that is none. */

import { readFileSync } from "node:fs";

import { readGguf } from "../../src/gguf/read-gguf.ts";
import { embeddedModelPath } from "../../src/index.ts";
import { temporaryFile } from "./temporary-files.ts";

/** Puts NaN in place of the first value of row `row` of a tensor. Returns the file's path. */
export async function poisonedModel(name: string, row: number): Promise<string> {
  const { tensors } = await readGguf(embeddedModelPath);
  const tensor = tensors.get(name);
  // Output weights of its own: a token's embedding concerns the rows of that token alone.
  if (tensor?.type !== "f32" || !tensors.has("output.weight")) throw new Error(`no ${name} in F32`);
  const file = readFileSync(embeddedModelPath);
  const [nRows = 1] = tensor.shape;
  file.writeFloatLE(Number.NaN, tensor.offset + row * (tensor.nBytes / nRows));
  return temporaryFile(file);
}
