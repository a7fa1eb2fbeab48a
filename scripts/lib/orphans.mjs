/**
 * What the TypeScript compiler made of sources that have gone since. It leaves such files, a deleted
 * module would still be there to import, and `dist` is published as it lies.
 */

import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const COMPILED = /\.(d\.ts|js)$/;
/** By which the compiler knows what to compile again. */
const KEPT = "tsconfig.tsbuildinfo";

/** @param {string} folder of a package, with `src` and `dist` */
export function removeOrphans(folder) {
  const dist = join(folder, "dist");
  if (!existsSync(dist)) return;
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const source = join(folder, "src", path.slice(dist.length)).replace(COMPILED, ".ts");
    if (entry.isFile() && entry.name !== KEPT && !(COMPILED.test(path) && existsSync(source))) {
      rmSync(path);
    }
  }
}
