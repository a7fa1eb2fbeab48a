/** Compiles the addon for one platform, and puts it into the platform's package. */

import { copyFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import { run } from "../children.mjs";
import { root } from "../workspace.mjs";
import { buildFolder, linkerPath, needsZig, rustFor } from "./toolchain.mjs";

const CRATE = "dllama-bindings";

/**
 * @param {import("./table.mjs").Platform} platform whose tools are all there
 * @returns {Promise<string | undefined>} why it failed
 */
export async function compile(platform) {
  const rust = rustFor(platform.target);
  // Artifacts of one compiler are of no use to another.
  const folder = join(buildFolder, `rustc-${rust.version}`);
  const { problem } = await run(cargoCommand(platform, rust), {
    output: "stderr",
    env: {
      ...(needsZig(platform) ? { PATH: linkerPath() } : {}),
      RUSTC: rust.rustc,
      CARGO: rust.cargo,
      CARGO_TARGET_DIR: folder,
      CARGO_ENCODED_RUSTFLAGS: rustFlags(platform, rust).join("\x1f"),
      ...(rust.hasStd ? {} : { RUSTC_BOOTSTRAP: "1" }),
      ...platform.env,
    },
  });
  if (problem) return `cargo ${problem}`;
  const library = platform.format === "elf" ? "libdllama_bindings.so" : "libdllama_bindings.dylib";
  const built = join(folder, platform.target, "prebuilt", library);
  copyFileSync(built, join(root, platform.folder, platform.file));
  return undefined;
}

function cargoCommand(platform, { cargo, hasStd }) {
  const withZig = needsZig(platform);
  return [
    cargo,
    withZig ? "zigbuild" : "build",
    "--locked",
    "--profile=prebuilt",
    `--package=${CRATE}`,
    `--target=${withZig ? platform.zigTarget : platform.target}`,
    // Debian has the standard library of macOS in source alone.
    ...(hasStd ? [] : ["-Zbuild-std=std,panic_unwind"]),
  ];
}

function rustFlags({ format, file }, { sysroot, hasStd }) {
  return [
    ...remappedPaths(sysroot),
    // Otherwise the name in it is the path that it was linked at.
    ...(format === "mach-o" ? [`-Clink-arg=-Wl,-install_name,@rpath/${file}`] : []),
    // zig's linker for macOS knows no list of symbols to export, and would export all.
    ...(format === "mach-o" && !hasStd ? ["-Zdefault-visibility=hidden"] : []),
  ];
}

/** The paths of this machine, which panics would name, become those of anybody's machine. */
function remappedPaths(sysroot) {
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  return [
    ["/dllama", root],
    ["/crates", join(cargoHome, "registry", "src")],
    ["/rust", join(sysroot, "lib/rustlib/src/rust")],
  ].map(([to, from]) => `--remap-path-prefix=${from.replace(/\/$/, "")}=${to}`);
}
