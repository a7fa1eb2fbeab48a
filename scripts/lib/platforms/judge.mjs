/** Reads a platform's file and judges it. */

import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";

import { MalformedFile, readAddonFile } from "./addon-file/read.mjs";
import { highestGlibc } from "./glibc.mjs";
import { nodeApiVersion } from "./node-api.mjs";
import { problemsOf } from "./rules.mjs";
import { platforms } from "./table.mjs";

/**
 * @typedef {object} Judgement
 * @property {string} path
 * @property {string[]} problems
 * @property {Record<string, string>} [facts] by the heading that they have in a table
 */

/**
 * @param {string} path whose name says which platform it is for
 * @returns {Judgement}
 */
export function judge(path) {
  const platform = platforms.find(({ file }) => file === basename(path));
  if (platform === undefined) {
    const names = platforms.map(({ file }) => file).join(", ");
    return { path, problems: [`expected a file named ${names}`] };
  }
  if (!existsSync(path)) {
    const command = `node scripts/build-platforms.mjs ${platform.name}`;
    return { path, problems: [`it is not there: \`${command}\` builds it`] };
  }
  const bytes = readFileSync(path);
  try {
    const file = readAddonFile(bytes);
    return { path, problems: problemsOf({ platform, file, bytes }), facts: factsOf(file, bytes) };
  } catch (error) {
    if (error instanceof MalformedFile) return { path, problems: [error.message] };
    throw error;
  }
}

function factsOf(file, bytes) {
  const macOS = file.versions.find((version) => version.startsWith("macOS_"));
  const glibc = highestGlibc(file.versions);
  return {
    bytes: bytes.length.toLocaleString("en-US"),
    "needs at least": macOS?.replace("_", " ") ?? (glibc ? `GLIBC_${glibc}` : "nothing"),
    NEEDED: file.libraries.join(", "),
    "Node-API": String(nodeApiVersion(file.imports)),
  };
}
