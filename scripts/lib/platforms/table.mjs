/**
 * The platforms that the addon is prebuilt for. Each is an npm package in `packages/bindings/npm`,
 * whose manifest says what the loader and the package managers must know.
 *
 * @typedef {object} Platform
 * @property {string} name
 * @property {string} folder relative to the root
 * @property {string} file the addon's name, beside the manifest
 * @property {string} target the name that Rust has for it
 * @property {string} zigTarget the same with the oldest C library that the addon may need
 * @property {"elf" | "mach-o"} format
 * @property {"x64" | "arm64"} cpu
 * @property {boolean} [buildsStd] Rust's standard library is compiled, too: Debian has it in source alone
 * @property {Record<string, string>} [env] for the compilers
 */

/** Debian 10, Ubuntu 18.10 and RHEL 8 have it; `packages/bindings/src/addon/platforms.ts` says it to people. */
export const MAXIMUM_GLIBC = "2.28";

/** The oldest macOS that Node 20 and 22 still run on has an older version; Apple silicon began with 11. */
const MINIMUM_MACOS = "12.0";

/** @type {Platform[]} */
export const platforms = [
  {
    name: "linux-x64-gnu",
    target: "x86_64-unknown-linux-gnu",
    zigTarget: `x86_64-unknown-linux-gnu.${MAXIMUM_GLIBC}`,
    format: "elf",
    cpu: "x64",
  },
  {
    name: "linux-arm64-gnu",
    target: "aarch64-unknown-linux-gnu",
    zigTarget: `aarch64-unknown-linux-gnu.${MAXIMUM_GLIBC}`,
    format: "elf",
    cpu: "arm64",
  },
  {
    name: "darwin-arm64",
    target: "aarch64-apple-darwin",
    zigTarget: "aarch64-apple-darwin",
    format: "mach-o",
    cpu: "arm64",
    env: { MACOSX_DEPLOYMENT_TARGET: MINIMUM_MACOS },
  },
].map((platform) => ({
  ...platform,
  folder: `packages/bindings/npm/${platform.name}`,
  file: `dllama.${platform.name}.node`,
}));
