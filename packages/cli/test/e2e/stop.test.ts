/** How a run ends before its time: Ctrl-C, SIGTERM, a reader that has seen enough. */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { folder, jsonLines, Program } from "./harness.ts";
import { makeSlowModel } from "./slow-model.ts";

const model = await makeSlowModel(folder);
const endless = ["inference", "--model", model, "--prompt", "x", "--ignore-eos"];

test("Ctrl-C ends with the summary and 130", async () => {
  const program = new Program([...endless, "--format", "json"]);
  await program.printed("stdout", /"type":"token"/);
  program.kill("SIGINT");
  const { code, stdout } = await program.ended;
  assert.is(code, 130);
  const objects = jsonLines(stdout);
  assert.is(objects.at(-1)?.["stopReason"], "aborted");
  assert.is(objects.at(-1)?.["generatedTokens"], objects.length - 3);
});

test("SIGTERM ends the same way, with 143", async () => {
  const program = new Program([...endless, "--format", "report"]);
  await program.printed("stdout", /🔶/);
  program.kill("SIGTERM");
  const { code, stdout } = await program.ended;
  assert.is(code, 143);
  assert.match(stdout, /^Stopped by: +aborted$/m);
});

test("a chunk of the prompt that takes long is explained, and a second Ctrl-C cuts it short", async () => {
  process.env["DLLAMA_ISA"] = "scalar";
  const prompt = "x ".repeat(1000);
  const program = new Program(["inference", "--model", model, "-p", prompt, "--nthreads", "1"]);
  delete process.env["DLLAMA_ISA"];
  await program.printed("stderr", /seed \d+/);
  program.kill("SIGINT");
  await program.printed("stderr", /Ctrl-C again ends at once/);
  program.kill("SIGINT");
  const { code } = await program.ended;
  assert.is(code, 130);
});

test("Ctrl-C while the prompt is awaited ends at once", async () => {
  const program = new Program(["inference", "--steps", "1"], { stdin: null });
  await program.printed("stderr", /^Reading the prompt from stdin/m);
  program.kill("SIGINT");
  const { code, stdout } = await program.ended;
  assert.is(code, 130);
  assert.is(stdout, "");
});

test("a reader that has seen enough ends the run quietly", async () => {
  const program = new Program([...endless, "--format", "text", "--quiet"]);
  await program.printed("stdout", /./);
  program.closeStdout();
  const { code, stderr } = await program.ended;
  assert.is(code, 0);
  assert.is(stderr, "");
});

test.run();
