/** llama.cpp, prebuilt by node-llama-cpp, in a folder outside of the workspace. */

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { run } from "../children.mjs";
import { variantOf } from "./cpu-libraries.mjs";
import { PeersError } from "./peers-error.mjs";
import { temporaryFolder } from "./temporary-folders.mjs";

export const VERSION = "3.22.1";

/** 25 MB have to come over a slow network, too. */
const TIMEOUT_MS = 10 * 60_000;

/**
 * Installs it, unless it is there.
 *
 * @param {string} folder
 * @param {(line: string) => void} say
 * @returns {Promise<string>} the folder that has its node_modules
 */
export async function installLlamaCpp(folder, say) {
  const target = join(folder, `node-llama-cpp-${VERSION}`);
  if (existsSync(target)) return target;
  say(`Installing node-llama-cpp ${VERSION} in ${target} ...`);
  await makeWhole(target, async (install) => {
    writeFileSync(join(install, "package.json"), '{ "private": true }');
    // The other platforms' are optional dependencies: 0.6 GB.
    const wanted = [`node-llama-cpp@${VERSION}`, `${platformPackage()}@${VERSION}`];
    const flags = ["--no-audit", "--no-fund", "--omit=optional", "--ignore-scripts"];
    const ended = await run(["npm", "install", ...flags, ...wanted], {
      cwd: install,
      env: { NODE_LLAMA_CPP_SKIP_DOWNLOAD: "true" },
      timeoutMs: TIMEOUT_MS,
    });
    if (ended.problem === undefined) return;
    const message = `expected npm to install ${wanted.join(" and ")}, but it ${ended.problem}`;
    throw new PeersError("INSTALL_FAILED", message, ended.output.trim());
  });
  return target;
}

/**
 * A copy of an install that has no other kernels than these.
 *
 * @param {string} install
 * @param {readonly string[]} variants
 * @returns {Promise<string>}
 */
export async function holdLlamaCpp(install, variants) {
  const target = `${install}-${variants.join("-")}`;
  if (existsSync(target)) return target;
  await makeWhole(target, (copy) => {
    cpSync(install, copy, { recursive: true });
    const libraries = libraryFolder(copy);
    for (const file of readdirSync(libraries)) {
      const variant = variantOf(file);
      if (variant !== undefined && !variants.includes(variant)) rmSync(join(libraries, file));
    }
  });
  return target;
}

function libraryFolder(install) {
  return join(install, "node_modules", platformPackage(), "bins", platform());
}

function platformPackage() {
  return `@node-llama-cpp/${platform()}`;
}

function platform() {
  return `linux-${process.arch}`;
}

/** An interrupted installation must not be taken for a whole one. */
async function makeWhole(target, fill) {
  mkdirSync(join(target, ".."), { recursive: true });
  const temporary = temporaryFolder(`${target}-`);
  await fill(temporary);
  renameSync(temporary, target);
}
