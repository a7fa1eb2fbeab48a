/** Rust files that no other one names: the compiler never sees them, so their tests would never run. */

import { basename, dirname, join } from "node:path";

/** Cargo compiles a file of these folders as a program, and the other files as somebody's modules. */
const PROGRAM_FOLDERS = ["tests", "examples", "benches", "bin"];
const PROGRAMS = ["main.rs", "lib.rs", "build.rs"];

/**
 * @param {string[]} paths of all Rust files
 * @param {(path: string) => string} readFile gives a file's text
 * @returns {import("./typescript.mjs").Violation[]}
 */
export function checkModules(paths, readFile) {
  return paths.filter(isModule).flatMap((path) => {
    const isFolder = basename(path) === "mod.rs";
    const name = isFolder ? basename(dirname(path)) : basename(path, ".rs");
    const folder = isFolder ? dirname(dirname(path)) : dirname(path);
    const parents = ["main", "lib", "mod"].map((parent) => join(folder, `${parent}.rs`));
    const found = [...parents, `${folder}.rs`].filter((parent) => paths.includes(parent));
    const declaration = new RegExp(`^\\s*(pub(\\([^)]+\\))? )?mod ${name};`, "m");
    if (found.some((parent) => declaration.test(readFile(parent)))) return [];
    const where = found.join(" or ") || "the file above it";
    return [
      { path, line: 1, rule: `nothing compiles this file: write \`mod ${name};\` in ${where}` },
    ];
  });
}

function isModule(path) {
  return !PROGRAMS.includes(basename(path)) && !PROGRAM_FOLDERS.includes(basename(dirname(path)));
}
