/** A model of some kilobytes that the whole program runs: a header of the fuzz corpora, and zeros for weights. */

import { copyFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

import { root } from "../workspace.mjs";

const HEADER = join(root, "fuzz/corpus/gguf/q40-tied-aligned");
/** More than its tensors take; a reader of GGUF ignores what is behind them. */
const TENSOR_BYTES = 40 * 1024;

/** Writes it into a folder and returns its path. */
export function writeTinyModel(folder) {
  const path = join(folder, "tiny.gguf");
  copyFileSync(HEADER, path);
  truncateSync(path, statSync(HEADER).size + TENSOR_BYTES);
  return path;
}
