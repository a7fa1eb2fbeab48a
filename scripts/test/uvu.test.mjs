import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { judgeUvu, runUvu } from "../lib/suites/uvu.mjs";
import { temporaryFolder } from "./temporary-folder.mjs";

const HEAD = `import { test } from "uvu";\n`;
const counts = ({ passed, failed, skipped }) => ({ passed, failed, skipped });

async function runFile(text) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "one.test.mjs"), text);
  return runUvu(folder);
}

test("counts what passed, failed and was skipped", async () => {
  const outcome = await runFile(`${HEAD}
    test("right", () => {});
    test("wrong", () => { throw new Error("so wrong"); });
    test.skip("later", () => {});
    test.run();`);
  assert.equal(counts(outcome), { passed: 1, failed: 1, skipped: 1 });
  assert.match(outcome.details, "one.test.mjs");
  assert.match(outcome.details, "so wrong");
});

test("a file without test.run() is a failure", async () => {
  const outcome = await runFile(`${HEAD} test("never runs", () => {});`);
  assert.equal(counts(outcome), { passed: 0, failed: 1, skipped: 0 });
  assert.match(outcome.details, "does it end in test.run()?");
});

test("a file without tests is a failure", async () => {
  const outcome = await runFile(`${HEAD} test.run();`);
  assert.is(outcome.failed, 1);
  assert.match(outcome.details, "has no tests");
});

test("a file that crashes before its tests is a failure", async () => {
  const outcome = await runFile(`${HEAD} throw new Error("boom"); test.run();`);
  assert.is(outcome.failed, 1);
  assert.match(outcome.details, "ended with exit code 1");
  assert.match(outcome.details, "boom");
});

test("a file that is killed in the middle is a failure", async () => {
  const outcome = await runFile(`${HEAD}
    test("dies", () => process.kill(process.pid, "SIGKILL"));
    test.run();`);
  assert.is(outcome.failed, 1);
  assert.match(outcome.details, "was ended by SIGKILL");
});

test("a file that crashes after its tests is a failure", async () => {
  const outcome = await runFile(`${HEAD}
    test("right", () => {});
    test.run();
    process.on("exit", () => process.reallyExit(9));`);
  assert.equal(counts(outcome), { passed: 1, failed: 1, skipped: 0 });
  assert.match(outcome.details, "ended with exit code 9");
});

test("a test that waits for ever is a failure", async () => {
  const outcome = await runFile(`${HEAD} test("hangs", () => new Promise(() => {})); test.run();`);
  assert.is(outcome.failed, 1);
  assert.match(outcome.details, "Exiting early");
});

test("a folder without test files, or none at all, is a failure", async () => {
  const folder = temporaryFolder();
  assert.is((await runUvu(folder)).failed, 1);
  assert.is((await runUvu(join(folder, "missing"))).failed, 1);
});

test("runs all files of a folder, and only the selected ones", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "e2e"));
  for (const name of ["a", "b", "c", "e2e/d"]) {
    writeFileSync(join(folder, `${name}.test.mjs`), `${HEAD} test("x", () => {}); test.run();`);
  }
  assert.is((await runUvu(folder)).passed, 4);
  assert.is((await runUvu(folder, (file) => !file.startsWith("e2e"))).passed, 3);
});

test("takes the summary of uvu, and not what a test prints", () => {
  const fake = "  Total:     9\n  Passed:    9\n  Skipped:   0\n";
  const real = "  Total:     2\n  Passed:    1\n  Skipped:   0\n  Duration:  1.07ms\n\n";
  assert.is(judgeUvu({ stdout: `${fake}${real}`, problem: "ended with exit code 1" }).failed, 1);
});

test.run();
