/**
 * The compilers of a platform: zig links for an old glibc and, elsewhere than on a Mac, for macOS; and a
 * Rust that has the target's standard library, or can compile it.
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
/** A virtual environment of ours, with zig and cargo-zigbuild. */
export const pythonFolder = join(toolFolder, "python");
/** Where a toolchain of the distribution is; rustup's comes first on the PATH. */
const SYSTEM_RUST = "/usr/bin";

/** A Mac links for itself, with Apple's linker. */
export const needsZig = ({ format }) => format === "elf" || process.platform !== "darwin";

export const hasZig = () => existsSync(join(pythonFolder, "bin", "cargo-zigbuild"));

/** LLVM's objcopy, which strips a Mach-O and signs it again. */
export function findObjcopy() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  // Debian has it with LLVM's version in its name, too.
  const names = ["rust-objcopy", "llvm-objcopy", "llvm-objcopy-19", "llvm-objcopy-14"];
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** A PATH with `zig`, `cargo-zigbuild` and, as rustc calls it, `rust-objcopy`. */
export function linkerPath() {
  mkdirSync(toolFolder, { recursive: true });
  const programs = join(pythonFolder, "bin");
  writeWrapper("zig", `exec ${join(programs, "python")} -m ziglang "$@"`);
  const objcopy = findObjcopy();
  if (objcopy) writeWrapper("rust-objcopy", `exec ${objcopy} "$@"`);
  return [toolFolder, programs, process.env.PATH].join(delimiter);
}

function writeWrapper(name, line) {
  writeFileSync(join(toolFolder, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
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

function output(program, ...args) {
  try {
    // From the root, where a rust-toolchain file may say which.
    const options = { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
    return execFileSync(program, args, options);
  } catch {
    return undefined;
  }
}
