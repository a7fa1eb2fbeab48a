/**
 * `pnpm dllama ARGS` runs the program of this checkout, and builds it before if need be.
 *
 * The CLI is loaded into this very process, so that its stdio, its signals and its exit code are
 * those of the shell that started us. Until then nothing is written to stdout, which belongs to it.
 */

import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { bringUpToDate } from "./lib/build.mjs";
import { stopChildrenOnSignals } from "./lib/children.mjs";
import { root } from "./lib/workspace.mjs";

const say = (line) => process.stderr.write(`${line}\n`);

const leaveSignalsAlone = stopChildrenOnSignals();
const problem = await bringUpToDate({ say, output: "stderr" });
if (problem) {
  say(problem);
  process.exit(1);
}
leaveSignalsAlone();

const cli = join(root, "packages/cli/dist/main.js");
process.argv[1] = cli;
await import(pathToFileURL(cli).href);
