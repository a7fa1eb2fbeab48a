import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { holdLlamaCpp } from "../../lib/peers/install.mjs";
import { temporaryFolder } from "../temporary-folder.mjs";

const platform = `linux-${process.arch}`;
const bins = join("node_modules/@node-llama-cpp", platform, "bins", platform);

test("a held copy has the kernels that it is held to alone, and the original keeps all", async () => {
  const install = join(temporaryFolder(), "install");
  mkdirSync(join(install, bins), { recursive: true });
  const files = ["haswell", "icelake", "x64"].map((variant) => `libggml-cpu-${variant}.so`);
  for (const file of [...files, "libggml-base.so"]) writeFileSync(join(install, bins, file), "");

  const held = await holdLlamaCpp(install, ["icelake", "cascadelake"]);
  const left = readdirSync(join(held, bins)).toSorted();
  assert.equal(left, ["libggml-base.so", "libggml-cpu-icelake.so"]);
  assert.is(readdirSync(join(install, bins)).length, 4);
  assert.is(await holdLlamaCpp(install, ["icelake", "cascadelake"]), held);
  assert.equal(readdirSync(join(install, "..")).length, 2, "nothing temporary is left");
  assert.ok(existsSync(held));
});

test.run();
