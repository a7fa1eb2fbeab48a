/** Where the engine finds the embedded model. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { embeddedModelPath, unpackedPath } from "../src/embedded-model.ts";

test("the model is there", () => {
  assert.ok(existsSync(embeddedModelPath));
});

test("in an Electron app it is beside the archive", () => {
  const inside = join("resources", "app.asar", "node_modules", "@dllama", "core", "a.gguf");
  const beside = join(
    "resources",
    "app.asar.unpacked",
    "node_modules",
    "@dllama",
    "core",
    "a.gguf",
  );
  assert.is(unpackedPath(inside), beside);
  // Electron may have mapped it already.
  assert.is(unpackedPath(beside), beside);
  const archiveInName = join("my.asar-tools", "a.gguf");
  assert.is(unpackedPath(archiveInName), archiveInName);
});

test.run();
