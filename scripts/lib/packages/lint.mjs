/** What publint and arethetypeswrong have to say of the tarballs. */

import { readFileSync } from "node:fs";

import { publint } from "publint";
import { formatMessage } from "publint/utils";

import { run } from "../children.mjs";
import { installed } from "../workspace.mjs";

/**
 * @param {import("./pack.mjs").Tarball} tarball
 * @returns {Promise<string[]>} a sentence each
 */
export async function publintProblems({ name, path, files, manifest }) {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  const tarball = buffer.slice(byteOffset, byteOffset + byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, level: "suggestion" });
  // A platform's package has its addon only where that was built, which is judged elsewhere.
  const isUnbuilt = String(manifest.main).endsWith(".node") && !files.includes(manifest.main);
  return messages
    .filter(({ code }) => !(isUnbuilt && code === "FILE_DOES_NOT_EXIST"))
    .map((message) => `${name}: ${formatMessage(message, pkg)}`);
}

/**
 * Types that an importer does not find, or that say another format than the file has. The packages are
 * ECMAScript modules alone: CommonJS of Node 20.19 and newer can `require` them.
 *
 * @param {import("./pack.mjs").Tarball} tarball
 * @returns {Promise<string[]>}
 */
export async function typeProblems({ name, path, manifest }) {
  if (manifest.exports === undefined) return [];
  const options = ["--profile", "esm-only", "--no-color", "--no-emoji"];
  const { problem, output } = await run([installed("attw"), path, ...options]);
  return problem ? [`${name}: attw ${problem}\n${output}`] : [];
}
