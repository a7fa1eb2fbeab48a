/** What the build of the platforms says of wrong use, and of what a machine lacks. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { platforms } from "../../lib/platforms/table.mjs";
import { missingFor } from "../../lib/platforms/requirements.mjs";
import { root } from "../../lib/workspace.mjs";

const script = join(root, "scripts/build-platforms.mjs");

test("an unknown platform is refused, with the known ones", () => {
  const { status, stderr } = spawnSync(process.execPath, [script, "win32-x64"], {
    encoding: "utf8",
  });
  assert.is(status, 2);
  assert.match(stderr, "linux-x64-gnu, linux-arm64-gnu, darwin-arm64, got win32-x64");
});

const bare = { hasZig: () => false, rustFor: () => undefined, findObjcopy: () => undefined };
const complete = { hasZig: () => true, rustFor: () => ({}), findObjcopy: () => "/usr/bin/objcopy" };
const [linux, , macOS] = platforms;

test("a bare machine lacks all of it, each with the commands that install it", () => {
  const missing = missingFor(linux, bare);
  assert.match(missing.map(({ says }) => says).join("\n"), /zig and cargo-zigbuild[^]*a Rust with/);
  const commands = missing.flatMap(({ install }) => install.map((command) => command.join(" ")));
  assert.match(commands.join("\n"), /pip install --quiet ziglang==[\d.]+ cargo-zigbuild==[\d.]+/);
  assert.match(commands.join("\n"), /rustc-web|rustup target add x86_64-unknown-linux-gnu/);
});

test("a machine that has all lacks nothing", () => {
  for (const platform of platforms) assert.equal(missingFor(platform, complete), []);
});

test("only a Mach-O needs llvm-objcopy, and a Mac has it with Rust", () => {
  const machine = { ...complete, findObjcopy: () => undefined };
  assert.equal(missingFor(linux, machine), []);
  assert.is(missingFor(macOS, machine).length, process.platform === "darwin" ? 0 : 1);
});

test.run();
