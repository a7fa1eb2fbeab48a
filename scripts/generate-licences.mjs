/**
 * Writes the licences of what is inside the prebuilt addons into their packages. With `--check` it
 * writes nothing, and fails if one of them is out of date.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { noticeOf } from "./lib/licences/notice.mjs";
import { platforms } from "./lib/platforms/table.mjs";
import { root } from "./lib/workspace.mjs";

const isCheck = process.argv.includes("--check");
for (const platform of platforms) {
  const path = join(platform.folder, "THIRD-PARTY-LICENSES");
  const text = noticeOf(platform);
  if (!isCheck) writeFileSync(join(root, path), text);
  else if (!existsSync(join(root, path)) || readFileSync(join(root, path), "utf8") !== text) {
    console.error(`${path} is out of date: run \`node scripts/generate-licences.mjs\`.`);
    process.exitCode = 1;
  }
}
