/** Holds every import and every crate's dependencies to `lib/layers/table.mjs`. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";

import { checkCrates } from "./lib/layers/rust.mjs";
import { checkTypeScript } from "./lib/layers/typescript.mjs";
import { packages, root } from "./lib/workspace.mjs";

const AREAS = ["src", "test", "examples"];

const read = (path) => readFileSync(path, "utf8");

function typescriptFiles() {
  return packages
    .flatMap((name) => AREAS.map((area) => join("packages", name, area)))
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => {
      const entries = readdirSync(join(root, folder), { recursive: true });
      return entries
        .filter((entry) => /\.[cm]?ts$/.test(entry))
        .map((entry) => join(folder, entry));
    });
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
  ...crateViolations().map((violation) => ({ ...violation, path: relative(root, violation.path) })),
];
for (const { path, line, rule } of violations) console.log(`${path}:${line}: ${rule}`);
process.exitCode = violations.length === 0 ? 0 : 1;
