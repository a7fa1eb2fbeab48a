/** Package managers, runtimes, bundlers and a registry, of exact versions, outside of the workspace. */

import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { run } from "../children.mjs";
import { cachedFolder } from "./folders.mjs";
import { ProofError } from "./programs.mjs";

/** 0.8 GB, of which Node and Bun are most. */
const TIMEOUT_MS = 900_000;

/**
 * @typedef {object} Tools
 * @property {string} modules the node_modules folder
 * @property {(version: 20 | 22 | 24) => string} node the path of a Node
 * @property {string} bun the path of Bun
 * @property {(script: string) => string} script a JavaScript file in node_modules
 */

/** @returns {Promise<Tools>} */
export async function installTools(say) {
  const modules = await installFrom("tools", "x64", say);
  const script = (path) => join(modules, path);
  return {
    modules,
    script,
    node: (version) => script(`node-${version}/bin/node`),
    bun: script("@oven/bun-linux-x64/bin/bun"),
  };
}

/** The path of a Node for arm64, which is installed here and run elsewhere. */
export async function installNodeForArm64(say) {
  return join(await installFrom("tools-arm64", "arm64", say), "node-22/bin/node");
}

/** Installs what a folder's lockfile names, without running any of its scripts. */
async function installFrom(name, cpu, say) {
  const source = fileURLToPath(new URL(name, import.meta.url));
  const files = ["package.json", "package-lock.json"];
  const contents = files.map((file) => readFileSync(join(source, file), "utf8")).join("");
  const folder = await cachedFolder(name, contents, async (target) => {
    say(`Installing ${name} of this proof ...`);
    for (const file of files) cpSync(join(source, file), join(target, file));
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--os=linux", `--cpu=${cpu}`];
    const ended = await run(["npm", "ci", ...flags], { cwd: target, timeoutMs: TIMEOUT_MS });
    if (ended.problem) throw new ProofError(`npm ci in ${name} ${ended.problem}:\n${ended.output}`);
  });
  return join(folder, "node_modules");
}
