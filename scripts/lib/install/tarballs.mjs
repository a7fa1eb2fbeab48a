/** The packages as npm would get them. */

import { copyFileSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { run } from "../children.mjs";
import { platforms } from "../platforms/table.mjs";
import { root } from "../workspace.mjs";
import { emptyFolder } from "./folders.mjs";
import { ProofError } from "./programs.mjs";

/** Packs the packages of this checkout as a release does, and this machine's addon with them. */
export async function packAll() {
  const folder = emptyFolder("tarballs");
  const removeAddon = lendAddon();
  try {
    const ended = await run([process.execPath, join(root, "scripts/pack-release.mjs"), folder]);
    if (ended.problem) throw new ProofError(`pack-release ${ended.problem}:\n${ended.output}`);
  } finally {
    removeAddon();
  }
  return tarballsIn(folder);
}

/** A clone compiles its addon elsewhere; the platform's own package has it after `build-platforms.mjs`. */
function lendAddon() {
  const platform = platforms.find(({ name }) => name.startsWith(`linux-${process.arch}-`));
  const path = join(root, platform.folder, platform.file);
  if (existsSync(path)) return () => {};
  copyFileSync(join(root, "packages/bindings/lib/dllama.node"), path);
  return () => rmSync(path);
}

/** Packages that somebody else has packed, such as a release. */
export function tarballsIn(folder) {
  const names = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  if (names.length === 0) throw new ProofError(`${folder} has no .tgz files`);
  return names.map((name) => join(folder, name));
}
