/** Where things lie in this repository. Paths are absolute, so that scripts work from any folder. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Stamps and locks of these scripts. `target/` is ignored by git, and `cargo clean` removes it. */
export const stateFolder = join(root, "target", "dllama");

/** The npm packages' folder names, in alphabetical order. */
export const packages = readdirSync(join(root, "packages")).filter((name) =>
  existsSync(join(root, "packages", name, "package.json")),
);

/** The path of a program that `pnpm install` put in place. */
export function installed(program) {
  return join(root, "node_modules", ".bin", program);
}
