/**
 * Writes the TypeScript types of the Program, which the engine defines. With `--check` it writes
 * nothing, and fails if the committed ones are others.
 */

import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

import { run, stopChildrenOnSignals } from "./lib/children.mjs";
import { root, stateFolder } from "./lib/workspace.mjs";

const TARGET = join(root, "packages/core/src/program/generated");

/** ts-rs writes a type's file in a test that it makes, named `export_bindings_*`. */
async function exportTypes(folder) {
  const command = ["cargo", "test", "--quiet", "--locked", "--package", "dllama-engine"];
  const env = {
    TS_RS_EXPORT_DIR: folder,
    TS_RS_IMPORT_EXTENSION: "ts",
    // The Program travels as JSON, whose numbers JavaScript reads as `number`.
    TS_RS_LARGE_INT: "number",
  };
  return run([...command, "--lib", "--features", "typescript", "export_bindings"], { env });
}

/** @returns {Map<string, string>} text by file name */
function readFolder(folder) {
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".ts"));
  return new Map(names.toSorted().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

function differences(committed, generated) {
  const names = new Set([...committed.keys(), ...generated.keys()]);
  return [...names].filter((name) => committed.get(name) !== generated.get(name));
}

stopChildrenOnSignals();
mkdirSync(stateFolder, { recursive: true });
mkdirSync(TARGET, { recursive: true });
const folder = mkdtempSync(join(stateFolder, "types-"));
try {
  const { problem, output } = await exportTypes(folder);
  const generated = readFolder(folder);
  if (problem) throw new Error(`${output}cargo ${problem}.`);
  if (generated.size === 0) throw new Error("dllama-engine exports no types.");

  const changed = differences(readFolder(TARGET), generated);
  if (process.argv.includes("--check")) {
    for (const name of changed) {
      console.error(
        `${join(relative(root, TARGET), name)} is not what the engine defines: run \`pnpm generate\`.`,
      );
    }
    process.exitCode = changed.length === 0 ? 0 : 1;
  } else {
    for (const name of changed) {
      if (generated.has(name)) writeFileSync(join(TARGET, name), generated.get(name));
      else rmSync(join(TARGET, name));
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
