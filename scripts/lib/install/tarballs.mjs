/** The packages as npm would get them. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { run } from "../children.mjs";
import { pnpm } from "../pnpm.mjs";
import { packages, root } from "../workspace.mjs";
import { emptyFolder } from "./folders.mjs";
import { ProofError } from "./programs.mjs";

const PLATFORMS = join(root, "packages/bindings/npm");

/** Packs the packages of this checkout, and those platforms' whose addon has been built. */
export async function packAll() {
  const folder = emptyFolder("tarballs");
  const platforms = existsSync(PLATFORMS) ? readdirSync(PLATFORMS) : [];
  const sources = [
    ...platforms.map((name) => join(PLATFORMS, name)).filter(hasAddon),
    ...packages.map((name) => join(root, "packages", name)),
  ];
  for (const source of sources) {
    const ended = await run(pnpm("--silent", "pack", "--pack-destination", folder), {
      cwd: source,
    });
    if (ended.problem) throw new ProofError(`pnpm pack ${ended.problem}:\n${ended.output}`);
  }
  return tarballsIn(folder);
}

/** Packages that somebody else has packed, such as a release. */
export function tarballsIn(folder) {
  const names = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  if (names.length === 0) throw new ProofError(`${folder} has no .tgz files`);
  return names.map((name) => join(folder, name));
}

function hasAddon(folder) {
  return readdirSync(folder).some((name) => name.endsWith(".node"));
}
