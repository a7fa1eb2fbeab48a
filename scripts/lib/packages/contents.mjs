/**
 * What is in the tarballs, as a text to compare. Compiled files that have their source are told by one
 * line, because a new module is no news; anything that is neither is.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { root } from "../workspace.mjs";

/**
 * @param {import("./pack.mjs").Tarball[]} tarballs
 * @returns {string[]} `PACKAGE FILE`
 */
export function contents(tarballs) {
  return tarballs.flatMap(({ name, folder, files }) => {
    const lines = files.map((file) => compiledFrom(folder, file) ?? file);
    return [...new Set(lines)].map((line) => `${name} ${line}`);
  });
}

/**
 * @param {string[]} expected
 * @param {string[]} got
 * @returns {string[]} a sentence each
 */
export function contentProblems(expected, got) {
  // An addon that was not built here is missing from its package, which is judged elsewhere.
  const gone = expected.filter((line) => !got.includes(line) && !line.endsWith(".node"));
  const come = got.filter((line) => !expected.includes(line));
  const end = "If that is meant: `node scripts/check-packages.mjs --write`";
  const problems = [
    ...come.map((line) => `new in a package: ${line}`),
    ...gone.map((line) => `gone from a package: ${line}`),
  ];
  return problems.length > 0 ? [...problems, end] : [];
}

function compiledFrom(folder, file) {
  const [, module, ending] = /^dist\/(.+?)(\.d\.ts|\.js)$/.exec(file) ?? [];
  const hasSource = module !== undefined && existsSync(join(root, folder, "src", `${module}.ts`));
  return hasSource ? `dist/**/*${ending} of a source` : undefined;
}
