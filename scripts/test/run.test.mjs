import { test } from "uvu";
import * as assert from "uvu/assert";

import { failed, passed, runCheck, skipped } from "../lib/suites/outcome.mjs";
import { createReport } from "../lib/suites/report.mjs";
import { runSuites } from "../lib/suites/run.mjs";

async function runAll(suites) {
  const lines = [];
  const stream = { write: (text) => lines.push(...text.split("\n").filter(Boolean)) };
  const total = await runSuites(suites, { quick: false }, createReport(stream, 8));
  return { total, lines };
}

test("the last line is the sum of what the suites counted", async () => {
  const { total, lines } = await runAll([
    { name: "single", run: async () => passed() },
    { name: "many", run: async () => ({ passed: 5, failed: 2, skipped: 1, details: "it broke" }) },
    { name: "absent", run: async () => skipped("no qemu") },
  ]);
  assert.equal(total, { passed: 6, failed: 2, skipped: 2 });
  assert.match(lines[0], /^single {4}ok {5} +\d\.\d s {2}1 passed, 0 failed$/);
  assert.match(lines[1], /^many {6}FAILED .* 5 passed, 2 failed, 1 skipped$/);
  assert.is(lines[2], "    it broke");
  assert.match(lines[3], /^absent {4}skipped .* no qemu$/);
  assert.is(lines.at(-1), "6 passed, 2 failed, 2 skipped");
});

test("a suite that throws has failed, and the others run", async () => {
  const { total } = await runAll([
    { name: "throws", run: () => Promise.reject(new Error("oh")) },
    { name: "single", run: async () => passed() },
  ]);
  assert.equal(total, { passed: 1, failed: 1, skipped: 0 });
});

test("a failed build fails what needs it", async () => {
  const { total } = await runAll([
    { name: "build", run: async () => failed("no compiler") },
    { name: "needs it", needsBuild: true, run: () => assert.unreachable() },
    { name: "does not", run: async () => passed() },
  ]);
  assert.equal(total, { passed: 1, failed: 2, skipped: 0 });
});

test("a check fails by its exit code, by its absence and by its time", async () => {
  const problem = async (...command) => (await runCheck(command, 200)).details;
  assert.is(await problem("true"), undefined);
  assert.match(await problem("sh", "-c", "echo why; exit 4"), /why\n\nsh ended with exit code 4/);
  assert.match(await problem("no-such-program"), "could not be started");
  assert.match(await problem("sleep", "60"), "did not end within 0.2 s");
});

test.run();
