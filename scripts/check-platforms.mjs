/**
 * Fails if a prebuilt addon needs what a user's machine may lack, or tells of the machine that built it:
 * `node scripts/check-platforms.mjs [file ...]`, by default those of all packages.
 */

import { join } from "node:path";

import { judge } from "./lib/platforms/judge.mjs";
import { report } from "./lib/platforms/report.mjs";
import { platforms } from "./lib/platforms/table.mjs";
import { root } from "./lib/workspace.mjs";

const named = process.argv.slice(2);
const paths =
  named.length > 0 ? named : platforms.map(({ folder, file }) => join(root, folder, file));
const judgements = paths.map(judge);
console.log(report(judgements));
process.exitCode = judgements.every(({ problems }) => problems.length === 0) ? 0 : 1;
