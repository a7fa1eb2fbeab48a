/** What a machine must have before anything can be built, and where to get it. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "./workspace.mjs";

/** @returns {string | undefined} what is missing, in one sentence */
export function missingNode(found = process.versions.node) {
  const needed = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.node;
  const minimum = needed.replace(/^>=/, "");
  if (isAtLeast(found, minimum)) return undefined;
  return `dllama needs Node.js ${minimum} or newer, and this is ${found}: get it from https://nodejs.org`;
}

/** @returns {string | undefined} what is missing, in one sentence */
export function missingRust(readVersion = cargoVersion) {
  const manifest = readFileSync(join(root, "Cargo.toml"), "utf8");
  const minimum = /^rust-version = "(.+)"$/m.exec(manifest)[1];
  const found = readVersion();
  if (found === undefined) {
    return `dllama needs Rust ${minimum} or newer to be built, and no working cargo is on the PATH: get it from https://rustup.rs`;
  }
  if (isAtLeast(found, minimum)) return undefined;
  return `dllama needs Rust ${minimum} or newer to be built, and this is ${found}: run \`rustup update stable\`, or get it from https://rustup.rs`;
}

function cargoVersion() {
  try {
    // rustup's cargo is there without a toolchain, too, and then says so on stderr and fails.
    const options = { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
    return /^cargo (\d+\.\d+\.\d+)/.exec(execFileSync("cargo", ["--version"], options))?.[1];
  } catch {
    return undefined;
  }
}

function isAtLeast(version, minimum) {
  const found = version.split(".").map(Number);
  for (const [i, wanted] of minimum.split(".").map(Number).entries()) {
    if (found[i] !== wanted) return found[i] > wanted;
  }
  return true;
}
