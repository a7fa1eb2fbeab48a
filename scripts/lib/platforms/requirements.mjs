/**
 * What a machine must have to build for a platform, and what installs it.
 *
 * @typedef {object} Requirement
 * @property {string} says what is missing
 * @property {string[][]} install commands, one after another
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { findObjcopy, hasZig, needsZig, pythonFolder, rustFor } from "./toolchain.mjs";

/** What is asked about the machine; tests answer as another machine would. */
const thisMachine = { hasZig, rustFor, findObjcopy };

/** Pinned: what links the addon decides what it needs. */
const PYTHON_PACKAGES = ["ziglang==0.17.1", "cargo-zigbuild==0.24.1"];

/** Debian's Rust for more targets than its own: `rustc-web` is what Firefox is built with. */
const DEBIAN_RUST = ["rustc-web", "cargo-web", "libstd-rust-web-dev"];
const debianPackages = {
  "linux-x64-gnu": DEBIAN_RUST,
  "linux-arm64-gnu": [...DEBIAN_RUST, "libstd-rust-web-dev:arm64"],
  "darwin-arm64": [...DEBIAN_RUST, "rust-web-src"],
};

/**
 * @param {import("./table.mjs").Platform} platform
 * @param {typeof thisMachine} machine
 * @returns {Requirement[]} what is missing
 */
export function missingFor(platform, machine = thisMachine) {
  const missing = [];
  if (needsZig(platform) && !machine.hasZig()) {
    missing.push({
      says: "zig and cargo-zigbuild, which link for other systems and for older ones",
      install: [
        ["python3", "-m", "venv", pythonFolder],
        [join(pythonFolder, "bin", "pip"), "install", "--quiet", ...PYTHON_PACKAGES],
      ],
    });
  }
  if (machine.rustFor(platform.target) === undefined) {
    missing.push({
      says: `a Rust with the standard library of ${platform.target}, compiled or in source`,
      install: installRust(platform),
    });
  }
  if (platform.format === "mach-o" && needsZig(platform) && machine.findObjcopy() === undefined) {
    missing.push({ says: "llvm-objcopy, which strips a Mach-O", install: [apt("llvm")] });
  }
  return missing;
}

function installRust({ name, target }) {
  if (!existsSync("/etc/debian_version")) return [["rustup", "target", "add", target]];
  const foreign = name === "linux-arm64-gnu" ? [asRoot("dpkg", "--add-architecture", "arm64")] : [];
  return [...foreign, asRoot("apt-get", "update"), apt(...debianPackages[name])];
}

function apt(...names) {
  return asRoot("apt-get", "install", "-y", "--no-install-recommends", ...names);
}

function asRoot(...command) {
  return process.getuid?.() === 0 ? command : ["sudo", ...command];
}
