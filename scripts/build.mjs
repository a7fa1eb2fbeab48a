/** `pnpm build`: installs, and builds the addon and the JavaScript, as far as they are out of date. */

import { bringUpToDate } from "./lib/build.mjs";
import { stopChildrenOnSignals } from "./lib/children.mjs";

const say = (line) => process.stderr.write(`${line}\n`);

stopChildrenOnSignals();
const problem = await bringUpToDate({ say, output: "stderr" });
say(problem ?? "Everything is up to date.");
process.exitCode = problem ? 1 : 0;
