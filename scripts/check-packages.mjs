/**
 * Packs all packages, and fails if one of them would not work for people, or holds something else than
 * `lib/packages/contents.txt` says. With `--write` it writes that file.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { stopChildrenOnSignals } from "./lib/children.mjs";
import { contentProblems, contents } from "./lib/packages/contents.mjs";
import { publintProblems, typeProblems } from "./lib/packages/lint.mjs";
import { manifestProblems } from "./lib/packages/manifests.mjs";
import { packAll } from "./lib/packages/pack.mjs";
import { stateFolder } from "./lib/workspace.mjs";

const snapshot = new URL("lib/packages/contents.txt", import.meta.url);

async function problemsOf(tarballs) {
  const got = contents(tarballs);
  if (process.argv.includes("--write")) writeFileSync(snapshot, `${got.join("\n")}\n`);
  const expected = readFileSync(snapshot, "utf8").trim().split("\n");
  const problems = [...contentProblems(expected, got), ...manifestProblems(tarballs)];
  for (const tarball of tarballs) {
    problems.push(...(await publintProblems(tarball)), ...(await typeProblems(tarball)));
  }
  return problems;
}

stopChildrenOnSignals();
mkdirSync(stateFolder, { recursive: true });
const folder = mkdtempSync(join(stateFolder, "packages-"));
try {
  const problems = await problemsOf(await packAll(folder));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
