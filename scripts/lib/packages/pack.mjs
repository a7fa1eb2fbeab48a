/**
 * The packages as they would be published: pnpm writes versions and `publishConfig` into the manifest,
 * so that only its tarball shows what people get.
 *
 * @typedef {object} Tarball
 * @property {string} name of the package
 * @property {string} path
 * @property {string} folder of its sources, relative to the root
 * @property {string[]} files without `package/`, sorted
 * @property {Record<string, unknown>} manifest
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { run } from "../children.mjs";
import { platforms } from "../platforms/table.mjs";
import { pnpm } from "../pnpm.mjs";
import { packages, root } from "../workspace.mjs";

const folders = [
  ...packages.map((name) => `packages/${name}`),
  ...platforms.map(({ folder }) => folder),
];

/**
 * @param {string} destination
 * @returns {Promise<Tarball[]>}
 */
export async function packAll(destination) {
  await succeed(pnpm("--recursive", "pack", "--pack-destination", destination));
  return Promise.all(folders.map((folder) => readTarball(destination, folder)));
}

async function readTarball(destination, folder) {
  const { name, version } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  const path = join(destination, `${name.slice(1).replace("/", "-")}-${version}.tgz`);
  const listed = await succeed(["tar", "-tzf", path]);
  const files = listed
    .trim()
    .split("\n")
    .map((file) => file.replace("package/", ""));
  const manifest = JSON.parse(await succeed(["tar", "-xzOf", path, "package/package.json"]));
  return { name, path, folder, files: files.toSorted(), manifest };
}

/** @returns {Promise<string>} stdout */
async function succeed(command) {
  const { problem, stdout, output } = await run(command);
  if (problem) throw new Error(`${command.join(" ")} ${problem}: ${output}`);
  return stdout;
}
