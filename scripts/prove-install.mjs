/**
 * Proves that the packages work where they are installed: `node scripts/prove-install.mjs [LINE ...]`.
 * `--quick` leaves out what needs another system, which takes qemu some minutes; `--packed FOLDER` takes tarballs from there in place of this checkout's packages.
 *
 * Each line of the table works from an empty folder, without Rust on PATH, against a registry on loopback.
 * The exit code is 1 if a line fails, 75 if this machine cannot prove one of those that were asked for.
 */

import { parseArgs } from "node:util";

import { stopChildrenOnSignals } from "./lib/children.mjs";
import { prove } from "./lib/install/prove.mjs";
import { lines } from "./lib/install/table.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { packed: { type: "string" }, quick: { type: "boolean", default: false } },
});
const unknown = positionals.filter((name) => !lines.some((line) => line.name === name));
if (unknown.length > 0) {
  const known = lines.map((line) => line.name).join(", ");
  console.error(`There is no line ${unknown.join(", ")}; these are: ${known}.`);
  process.exit(2);
}
stopChildrenOnSignals();
const isChosen = ({ name, isOtherSystem }) =>
  positionals.length > 0 ? positionals.includes(name) : !(values.quick && isOtherSystem);
const chosen = lines.filter(isChosen);
process.exitCode = await prove(chosen, values);
