/**
 * What has to be made before the program can run, in order. A step is done again when one of its
 * inputs has changed since, or when what it makes is not there.
 *
 * @typedef {object} BuildStep
 * @property {string} name
 * @property {string} says what it does, for people who wait
 * @property {string[]} inputs files and folders, relative to the root
 * @property {() => boolean} isThere
 * @property {() => string | undefined} [missing] what the machine lacks for it, in one sentence
 * @property {() => void} [prepare] done before the command
 * @property {() => string[]} command
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { removeOrphans } from "./orphans.mjs";
import { platforms } from "./platforms/table.mjs";
import { pnpm } from "./pnpm.mjs";
import { missingRust } from "./requirements.mjs";
import { installed, packages, root } from "./workspace.mjs";

const inPackages = (path) => packages.map((name) => `packages/${name}/${path}`);
const exists = (path) => existsSync(join(root, path));

/** @type {BuildStep[]} */
export const buildSteps = [
  {
    name: "install",
    says: "Installing the JavaScript packages",
    inputs: [
      "package.json",
      "pnpm-lock.yaml",
      "pnpm-workspace.yaml",
      ...inPackages("package.json"),
      ...platforms.map(({ folder }) => `${folder}/package.json`),
    ],
    // pnpm writes this file last.
    isThere: () => exists("node_modules/.modules.yaml"),
    command: () =>
      // pnpm asks before it replaces a folder that another version made, and nobody is there to answer.
      pnpm(
        "install",
        "--frozen-lockfile",
        "--config.confirmModulesPurge=false",
        "--reporter=append-only",
      ),
  },
  {
    name: "addon",
    says: "Compiling the Rust addon",
    inputs: [
      "Cargo.toml",
      "Cargo.lock",
      "crates",
      ...["Cargo.toml", "build.rs", "native", "package.json"].map(
        (name) => `packages/bindings/${name}`,
      ),
    ],
    isThere: () => exists("packages/bindings/lib/dllama.node"),
    missing: missingRust,
    command: () => pnpm("--silent", "--filter", "@dllama/bindings", "run", "build"),
  },
  {
    name: "javascript",
    says: "Compiling the TypeScript",
    inputs: [
      "tsconfig.base.json",
      "pnpm-lock.yaml",
      ...inPackages("tsconfig.json"),
      ...inPackages("src"),
    ],
    isThere: () => packages.every((name) => exists(`packages/${name}/dist/tsconfig.tsbuildinfo`)),
    prepare: () => packages.forEach((name) => removeOrphans(join(root, "packages", name))),
    // The CLI's project refers to all others, and the tests' project is not among them.
    command: () => [installed("tsc"), "--build", join(root, "packages/cli")],
  },
];
