import { test } from "uvu";
import * as assert from "uvu/assert";

import { withCpuTime } from "../lib/cpu-time.mjs";
import { failed, passed, runCheck, skipped } from "../lib/suites/outcome.mjs";
import { createReport } from "../lib/suites/report.mjs";
import { runSuites } from "../lib/suites/run.mjs";

async function runAll(suites, names = []) {
  const lines = [];
  const stream = { write: (text) => lines.push(...text.split("\n").filter(Boolean)) };
  const report = createReport(
    stream,
    suites.map((suite) => suite.name),
  );
  const total = await runSuites(suites, { quick: false, names }, report);
  return { total, lines };
}

test("the last line is the sum of what the suites counted", async () => {
  const { total, lines } = await runAll([
    { name: "single", run: async () => passed() },
    { name: "many", run: async () => ({ passed: 5, failed: 2, skipped: 1, details: "it broke" }) },
    { name: "absent", run: async () => skipped("no qemu") },
  ]);
  assert.equal(total, { passed: 6, failed: 2, skipped: 2 });
  assert.match(lines[0], /^single {2}ok {5} +\d\.\d s +0\.0 s CPU {2}1 passed, 0 failed$/);
  assert.match(lines[1], /^many {4}FAILED .* 5 passed, 2 failed, 1 skipped$/);
  assert.is(lines[2], "    it broke");
  assert.match(lines[3], /^absent {2}skipped .* no qemu$/);
  assert.match(lines[4], /^\d\.\d min, with \d\.\d min of CPU time$/);
  assert.is(lines.at(-1), "6 passed, 2 failed, 2 skipped");
});

test("a suite that throws has failed, and the others run", async () => {
  const { total } = await runAll([
    { name: "throws", run: () => Promise.reject(new Error("oh")) },
    { name: "single", run: async () => passed() },
  ]);
  assert.equal(total, { passed: 1, failed: 1, skipped: 0 });
});

test("what has failed fails what needs it", async () => {
  const { total, lines } = await runAll([
    { name: "build", run: async () => failed("no compiler") },
    { name: "needs it", needs: ["build"], run: () => assert.unreachable() },
    { name: "does not", waits: true, run: async () => passed() },
  ]);
  assert.equal(total, { passed: 1, failed: 2, skipped: 0 });
  assert.ok(lines.includes("    Not run, because build has failed."));
});

test("suites that wait run beside those that compute, and the report keeps its order", async () => {
  const order = [];
  let release;
  const released = new Promise((resolve) => (release = resolve));
  const suite = (name, body) => ({
    name,
    run: async () => {
      await body?.();
      order.push(name);
      return passed();
    },
  });
  const { lines } = await runAll([
    { ...suite("waits", () => released), waits: true },
    suite("computes"),
    suite("then", () => release()),
    { ...suite("after", () => {}), waits: true, needs: ["then"] },
  ]);
  assert.is(order[0], "computes");
  assert.ok(order.indexOf("waits") < order.indexOf("after"));
  assert.equal(
    lines.slice(0, 4).map((line) => line.split(" ")[0]),
    ["waits", "computes", "then", "after"],
  );
});

test("a suite that is not for everybody says why it is skipped, and runs for who names it", async () => {
  const emulated = { name: "emulated", whyNot: () => "takes minutes", run: async () => passed() };
  const { total, lines } = await runAll([emulated]);
  assert.equal(total, { passed: 0, failed: 0, skipped: 1 });
  assert.match(lines[0], "takes minutes");
  assert.is((await runAll([emulated], ["emulated"])).total.passed, 1);
});

test("the CPU time of a suite is that of what its programs start, and how these end is passed on", async () => {
  const busy =
    "const end = process.cpuUsage().user + 300_000; while (process.cpuUsage().user < end);";
  const command = ["sh", "-c", '"$@"; kill -SEGV $$', "sh", process.execPath, "-e", busy];
  const { result, cpuSeconds } = await withCpuTime(() => runCheck(command, 60_000));
  assert.ok(cpuSeconds >= 0.3, `${cpuSeconds} s`);
  assert.match(result.details, "sh was ended by SIGSEGV");
});

test("a timed program is given the time to clean up", async () => {
  const script =
    'trap "sleep 0.2; echo cleaned; exit 3" TERM; kill -TERM -$(ps -o pgid= $$ | tr -d " "); sleep 9';
  const { result } = await withCpuTime(() => runCheck(["sh", "-c", script], 60_000));
  assert.match(result.details, "cleaned");
  assert.match(result.details, "ended with exit code 3");
});

test("a check fails by its exit code, by its absence and by its time", async () => {
  const problem = async (...command) => (await runCheck(command, 200)).details;
  assert.is(await problem("true"), undefined);
  assert.match(await problem("sh", "-c", "echo why; exit 4"), /why\n\nsh ended with exit code 4/);
  assert.match(await problem("no-such-program"), "could not be started");
  assert.match(await problem("sleep", "60"), "did not end within 0.2 s");
});

test.run();
