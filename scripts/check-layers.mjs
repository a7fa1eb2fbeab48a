/** Holds every import and every crate's dependencies to `lib/layers/table.mjs`, and finds Rust files that no module names. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";

import { checkModules } from "./lib/layers/rust-modules.mjs";
import { checkCrates } from "./lib/layers/rust.mjs";
import { checkTypeScript } from "./lib/layers/typescript.mjs";
import { packages, root } from "./lib/workspace.mjs";

const AREAS = ["src", "test", "examples"];
const RUST_FOLDERS = ["crates", "packages/bindings/native"];

const read = (path) => readFileSync(path, "utf8");

function typescriptFiles() {
  return packages
    .flatMap((name) => AREAS.map((area) => join("packages", name, area)))
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => filesIn(folder, /\.[cm]?ts$/));
}

function filesIn(folder, pattern) {
  const entries = readdirSync(join(root, folder), { recursive: true });
  return entries.filter((entry) => pattern.test(entry)).map((entry) => join(folder, entry));
}

function isExported(specifier) {
  const [, name, ...path] = specifier.split("/");
  const { exports = {} } = JSON.parse(read(join(root, "packages", name, "package.json")));
  return Object.hasOwn(exports, `./${path.join("/")}`);
}

function crateViolations() {
  const options = { cwd: root, encoding: "utf8" };
  const command = ["metadata", "--no-deps", "--format-version", "1"];
  const metadata = JSON.parse(execFileSync("cargo", command, options));
  return checkCrates(metadata, read);
}

const violations = [
  ...typescriptFiles().flatMap((path) => checkTypeScript(path, read(join(root, path)), isExported)),
  ...RUST_FOLDERS.flatMap((folder) =>
    checkModules(filesIn(folder, /\.rs$/), (path) => read(join(root, path))),
  ),
  ...crateViolations().map((violation) => ({ ...violation, path: relative(root, violation.path) })),
];
for (const { path, line, rule } of violations) console.log(`${path}:${line}: ${rule}`);
process.exitCode = violations.length === 0 ? 0 : 1;
