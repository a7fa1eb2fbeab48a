import { test } from "uvu";
import * as assert from "uvu/assert";
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dllama, fixtures, folder } from "./harness.ts";

const meta = join(folder, "stories");
cpSync(join(fixtures, "stories260K/meta"), meta, { recursive: true });
const model = join(folder, "stories-q80.gguf");

test("--dry-run lists the tensors, its last line sums them up, and nothing is written", async () => {
  const { code, stdout } = await dllama(["convert", meta, "q80", "--dry-run"]);
  assert.is(code, 0);
  const lines = stdout.trimEnd().split("\n");
  assert.match(lines[1] ?? "", /^token_embd\.weight +q80 +512 x 64 +34\.00 KiB$/);
  // 5 layers of 9 tensors, the embedding, the last norm and the classifier.
  assert.is(lines.length, 1 + 48 + 1);
  assert.is(lines.at(-1), "total 48 tensors 0.00 GiB");
  assert.equal(readdirSync(folder), ["stories"]);
});

test("the model is written beside the folder, and stdout is the command that runs it", async () => {
  const { code, stdout, stderr } = await dllama(["convert", `${meta}/`, "q8_0"]);
  assert.is(code, 0);
  assert.is(stdout, `dllama inference --model ${model} --prompt "Once upon a time"\n`);
  assert.match(stderr, /^Wrote .*stories-q80\.gguf, [\d.]+ KiB in \d+ m?s/m);
  assert.is(readFileSync(model).subarray(0, 4).toString(), "GGUF");
  assert.equal(readdirSync(folder).toSorted(), ["stories", "stories-q80.gguf"]);
});

test("an existing file is kept without --force and replaced with it", async () => {
  writeFileSync(model, "precious");
  const refused = await dllama(["convert", meta, "q80"]);
  assert.is(refused.code, 1);
  assert.is(refused.stdout, "");
  assert.match(refused.stderr, /^error: .*stories-q80\.gguf exists already\nhint: .*--force/m);
  assert.is(readFileSync(model, "utf8"), "precious");

  const forced = await dllama(["convert", meta, "q80", "--force", "--quiet"]);
  assert.is(forced.code, 0);
  assert.is(forced.stderr, "");
  assert.ok(statSync(model).size > 100_000);
});

test("a folder without a checkpoint is an error of a file, exit code 1", async () => {
  const { code, stdout, stderr } = await dllama(["convert", join(folder, "nowhere"), "q40"]);
  assert.is(code, 1);
  assert.is(stdout, "");
  assert.match(stderr, /^error: .*nowhere/m);
});

test.run();
