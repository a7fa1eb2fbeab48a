/**
 * Compiles the addon for all platforms, or for those that are named, on one x64 Linux machine, and
 * puts each file into its package: `node scripts/build-platforms.mjs [platform ...]`.
 */

import { stopChildrenOnSignals } from "./lib/children.mjs";
import { compile } from "./lib/platforms/compile.mjs";
import { platforms } from "./lib/platforms/table.mjs";

const wanted = process.argv.slice(2);
const chosen =
  wanted.length === 0 ? platforms : platforms.filter(({ name }) => wanted.includes(name));

stopChildrenOnSignals();
for (const platform of chosen) {
  const problem = await compile(platform);
  if (problem) {
    process.stderr.write(`${platform.name}: ${problem}\n`);
    process.exitCode = 1;
  }
}
