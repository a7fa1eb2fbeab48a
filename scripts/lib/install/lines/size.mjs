import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { ProofError } from "../programs.mjs";

const MAX_PACKAGES = 40;
const MAX_BYTES = 20e6;

export default {
  name: "size",
  what: `at most ${MAX_BYTES / 1e6} MB and ${MAX_PACKAGES} packages`,
  async run(stage) {
    const { folder } = await stage.project(["@dllama/cli"]);
    const modules = join(folder, "node_modules");
    const lock = JSON.parse(readFileSync(join(modules, ".package-lock.json"), "utf8"));
    const nPackages = Object.keys(lock.packages).length;
    const nBytes = bytesIn(modules);
    const result = `${(nBytes / 1e6).toFixed(1)} MB, ${nPackages} packages`;
    if (nPackages <= MAX_PACKAGES && nBytes <= MAX_BYTES) return result;
    throw new ProofError(`${result}: ${Object.keys(lock.packages).join(", ")}`);
  },
};

/** The sizes of all files. */
function bytesIn(folder) {
  let sum = 0;
  for (const path of readdirSync(folder, { recursive: true })) {
    const stats = lstatSync(join(folder, path));
    if (stats.isFile()) sum += stats.size;
  }
  return sum;
}
