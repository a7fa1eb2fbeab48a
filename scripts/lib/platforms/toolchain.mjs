/**
 * The compilers of a platform: zig links for an old glibc and for macOS, and a Rust that has, or can
 * compile, the target's standard library.
 *
 * @typedef {object} Rust
 * @property {string} rustc
 * @property {string} cargo
 * @property {string} version of rustc
 * @property {string} sysroot
 * @property {boolean} hasStd the target's standard library is there, compiled
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

import { root } from "../workspace.mjs";

export const buildFolder = join(root, "target", "platforms");
const toolFolder = join(buildFolder, "tools");
/** Where a toolchain of the distribution is; rustup's comes first on the PATH. */
const SYSTEM_RUST = "/usr/bin";

/** A folder for the PATH that makes `zig`, `cargo-zigbuild` and `rust-objcopy` be found. */
export function linkerPath() {
  mkdirSync(toolFolder, { recursive: true });
  const python = join(toolFolder, "python", "bin");
  const objcopy = findProgram(["rust-objcopy", "llvm-objcopy", "llvm-objcopy-14"]);
  // rustc strips a Mach-O with the one that LLVM has, by the name that rustup gives it.
  if (objcopy) writeWrapper("rust-objcopy", `exec ${objcopy} "$@"`);
  if (existsSync(join(python, "python"))) {
    writeWrapper("zig", `exec ${join(python, "python")} -m ziglang "$@"`);
  }
  return [toolFolder, python, process.env.PATH].join(delimiter);
}

/**
 * The first Rust that has the target's standard library, else the first that can compile it.
 *
 * @param {string} target
 * @returns {Rust | undefined}
 */
export function rustFor(target) {
  const found = [rust("rustc", "cargo"), rust(`${SYSTEM_RUST}/rustc`, `${SYSTEM_RUST}/cargo`)]
    .filter((candidate) => candidate !== undefined)
    .map((candidate) => ({
      ...candidate,
      hasStd: existsSync(join(candidate.sysroot, "lib", "rustlib", target, "lib")),
    }));
  return found.find(({ hasStd }) => hasStd) ?? found.find(({ sysroot }) => hasStdSource(sysroot));
}

function hasStdSource(sysroot) {
  return existsSync(join(sysroot, "lib/rustlib/src/rust/library/Cargo.lock"));
}

function rust(rustc, cargo) {
  const version = /^rustc (\S+)/.exec(output(rustc, "--version") ?? "")?.[1];
  const sysroot = output(rustc, "--print", "sysroot")?.trim();
  if (version === undefined || sysroot === undefined) return undefined;
  return { rustc, cargo, version, sysroot };
}

/** @returns {string | undefined} the first of these programs that the PATH has */
function findProgram(names) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}

function writeWrapper(name, line) {
  writeFileSync(join(toolFolder, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
}

function output(program, ...args) {
  try {
    // From the root, where a rust-toolchain file may say which.
    const options = { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
    return execFileSync(program, args, options);
  } catch {
    return undefined;
  }
}
