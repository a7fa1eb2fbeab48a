/** Where a proof keeps what it may use again, and where it works. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

import { temporaryFolder } from "../peers/temporary-folders.mjs";

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "dllama-prove-install");

/** An empty folder that goes away with this process. */
export function emptyFolder(name) {
  return temporaryFolder(join(tmpdir(), `dllama-install-${name}-`));
}

/**
 * A folder of the cache, keyed by what it was made from: made once, whole or not at all.
 *
 * @param {string} name
 * @param {string} contents everything that decides what is in it
 * @param {(folder: string) => Promise<void>} fill
 * @returns {Promise<string>}
 */
export async function cachedFolder(name, contents, fill) {
  const key = createHash("sha256").update(contents).digest("hex").slice(0, 16);
  const folder = join(cache, `${name}-${key}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const temporary = temporaryFolder(`${folder}-`);
  await fill(temporary);
  try {
    renameSync(temporary, folder);
  } catch (error) {
    // Another proof was quicker.
    if (!["EEXIST", "ENOTEMPTY"].includes(error.code)) throw error;
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}
