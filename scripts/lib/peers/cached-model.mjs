/** The model that both sides run, made once. */

import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";

import { readGguf } from "../../../packages/core/dist/index.js";
import { writeSyntheticModel } from "../synthetic-model.mjs";
import { temporaryFolder } from "./temporary-folders.mjs";

/** Llama 2's. More is in the file's metadata only if the cases need it. */
const CONTEXT_LENGTH = 4096;

/**
 * @param {string} folder
 * @param {string} shape
 * @param {number} contextSize positions that the cases need
 * @param {(line: string) => void} say
 * @returns {Promise<{ path: string, nBytes: number, cacheBytes: number }>} `cacheBytes`: of an F16 KV
 *   cache of so many positions
 */
export async function cachedModel(folder, shape, contextSize, say) {
  const contextLength = Math.max(CONTEXT_LENGTH, contextSize);
  const path = join(folder, `${shape}-q40-${contextLength}.gguf`);
  if (!existsSync(path)) {
    say(`Making ${path} ...`);
    mkdirSync(folder, { recursive: true });
    const temporary = temporaryFolder(join(folder, "making-"));
    // Random blocks, not a sparse file: zeros would cost a processor less power than a model does.
    renameSync(await writeSyntheticModel(temporary, shape, "q40", contextLength), path);
  }
  const { nBytes, tensors } = await readGguf(path);
  return { path, nBytes, cacheBytes: contextSize * positionBytes(tensors.values()) };
}

/** Every row of a matrix that makes keys or values makes one F16 number a position. */
function positionBytes(tensors) {
  const rows = [...tensors].map(({ name, shape }) =>
    /\.attn_[kv]\.weight$/u.test(name) ? shape[0] : 0,
  );
  return 2 * rows.reduce((sum, n) => sum + n, 0);
}
