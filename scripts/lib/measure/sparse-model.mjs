/** A model of a shape with weights of zero and Llama 2's vocabulary: no room on the disk, whole in the page cache. */

import { createReadStream, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { planSyntheticModel } from "../../../packages/converter/dist/index.js";
import { readTokenizer } from "../../../packages/core/dist/index.js";
import { root } from "../workspace.mjs";

/**
 * Writes a GGUF file, reads it once, and returns its path.
 *
 * @param {string} folder where it may write
 * @param {import("../../../packages/converter/dist/synthetic/shapes.js").ShapeName} shape one with a
 *   vocabulary of Llama 2's size
 */
export async function writeWarmSparseModel(folder, shape) {
  const { vocabulary } = await readTokenizer(join(root, "fixtures/llama2-tokenizer.model"));
  const { header, nBytes } = planSyntheticModel({ shape, vocabulary });
  const path = join(folder, `${shape}.gguf`);
  writeFileSync(path, header);
  truncateSync(path, nBytes);
  for await (const _ of createReadStream(path, { highWaterMark: 2 ** 22 }));
  return path;
}

/** A prompt of so many tokens of Llama 2, BOS included: "▁a" is one. */
export function promptOf(nTokens) {
  return Array.from({ length: nTokens - 1 }, () => "a").join(" ");
}
