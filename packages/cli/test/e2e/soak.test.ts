/** A short soak; `node scripts/soak.mjs` is a long one. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { test } from "uvu";
import * as assert from "uvu/assert";

const SCRIPT = fileURLToPath(new URL("../../../../scripts/soak.mjs", import.meta.url));
/** Below the test runner's own limit of a file. */
const TIMEOUT_MS = 280_000;

test("eight faults, eight recoveries, no hang, no crash, the same texts", async () => {
  const args = ["--faults", "8", "--minutes", "4"];
  const child = spawn(process.execPath, [SCRIPT, ...args], { timeout: TIMEOUT_MS });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const [code] = await once(child, "close");
  assert.is(code, 0, output);
  assert.match(output, /8 faults, 8 recoveries, 0 hangs, 0 crashes, 0 other texts/);
});

test.run();
