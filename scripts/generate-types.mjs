/**
 * Writes the TypeScript types of the Program, which the engine defines. With `--check` it writes
 * nothing, and fails if the committed ones are others.
 */

import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

import { WORKSPACE } from "./lib/cargo.mjs";
import { run, stopChildrenOnSignals } from "./lib/children.mjs";
import { root, stateFolder } from "./lib/workspace.mjs";

const EXAMPLE = "export_types";
const TARGET = join(root, "packages/core/src/program/generated");

/** The program is built as the tests are, which have it ready. */
async function exportTypes(folder) {
  const build = ["cargo", "build", "--quiet", ...WORKSPACE, "--example", EXAMPLE];
  const built = await run([...build, "--message-format", "json-render-diagnostics"]);
  if (built.problem) return built;
  const program = executableOf(built.stdout);
  return run([program, folder], { env: { TS_RS_IMPORT_EXTENSION: "ts" } });
}

/** Out of cargo's messages, a line of JSON each. */
function executableOf(messages) {
  const lines = messages.split("\n").filter((line) => line.startsWith("{"));
  return lines
    .map((line) => JSON.parse(line))
    .find(({ target, executable }) => target?.name === EXAMPLE && executable).executable;
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

/** @returns {Promise<string[]>} what is wrong, a line each */
async function generate(folder, isCheck) {
  const { problem, output } = await exportTypes(folder);
  if (problem) return [`${output}${EXAMPLE} ${problem}.`];
  const generated = readFolder(folder);
  if (generated.size === 0) return ["dllama-engine exports no types."];

  const changed = differences(readFolder(TARGET), generated);
  if (isCheck) {
    const path = (name) => join(relative(root, TARGET), name);
    return changed.map((name) => `${path(name)} is out of date: run \`pnpm generate\`.`);
  }
  for (const name of changed) {
    if (generated.has(name)) writeFileSync(join(TARGET, name), generated.get(name));
    else rmSync(join(TARGET, name));
  }
  return [];
}

stopChildrenOnSignals();
mkdirSync(stateFolder, { recursive: true });
mkdirSync(TARGET, { recursive: true });
const folder = mkdtempSync(join(stateFolder, "types-"));
try {
  const problems = await generate(folder, process.argv.includes("--check"));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
