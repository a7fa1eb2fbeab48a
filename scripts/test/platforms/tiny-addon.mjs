/** Tiny addons for x64 Linux, each with a fault, by the C compiler that Rust links with. */

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const NAME = "dllama.linux-x64-gnu.node";

const GOOD = `
int napi_create_object(void *, void **);
void *napi_register_module_v1(void *env, void *exports) {
  napi_create_object(env, &exports);
  return exports;
}
`;

/** @returns {string | undefined} why this machine cannot make any */
export function cannotCompile() {
  if (process.platform !== "linux" || process.arch !== "x64") return "this is not x64 Linux";
  try {
    execFileSync("cc", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "there is no C compiler";
  }
}

/**
 * @param {string} folder which is made
 * @param {object} [fault]
 * @param {string} [fault.code] in addition to, or with `isWhole` in place of, an addon that is right
 * @param {boolean} [fault.isWhole]
 * @param {string[]} [fault.flags] Defaults to those of a stripped file without libraries
 * @param {string} [fault.name]
 * @returns {string} the file's path
 */
export function compileAddon(folder, { code = "", isWhole = false, flags, name = NAME } = {}) {
  mkdirSync(folder, { recursive: true });
  const source = join(folder, "addon.c");
  const path = join(folder, name);
  writeFileSync(source, isWhole ? code : `${GOOD}${code}`);
  const always = ["-shared", "-fPIC", "-fno-builtin", "-w", "-o", path, source];
  execFileSync("cc", [...always, ...(flags ?? ["-nostdlib", "-s"])], { cwd: folder });
  return path;
}
