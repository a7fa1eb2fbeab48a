import { test } from "uvu";
import * as assert from "uvu/assert";

import { scheduledNs, spentMs, statusMib, threadTimes } from "../../lib/measure/proc.mjs";

const STATUS = "Name:\tnode\nVmRSS:\t   20480 kB\nRssAnon:\t    1536 kB\n";

test("sizes come in MiB", () => {
  assert.is(statusMib(STATUS, "VmRSS"), 20);
  assert.is(statusMib(STATUS, "RssAnon"), 1.5);
  assert.is(statusMib("Name:\tnode\nState:\tZ (zombie)\n", "VmRSS"), 0);
});

test("CPU time is the first number of schedstat", () => {
  assert.is(scheduledNs("123456789 42 7\n"), 123_456_789);
  assert.throws(() => scheduledNs("123 4\n"), 'got "123 4"');
});

test("what was spent is told by thread name, also of threads that are new", () => {
  const before = new Map([["1", { name: "node", ns: 5e6 }]]);
  const after = new Map([
    ["1", { name: "node", ns: 6e6 }],
    ["2", { name: "pool", ns: 2e6 }],
    ["3", { name: "pool", ns: 1e6 }],
  ]);
  assert.equal(spentMs(before, after), [
    ["pool", 3],
    ["node", 1],
  ]);
});

if (process.platform === "linux") {
  test("this process has threads, and takes time", () => {
    const before = threadTimes(process.pid);
    assert.ok(before.size >= 1);
    let sum = 0;
    for (let n = 0; n < 1e7; n++) sum += n;
    assert.ok(sum > 0);
    const [[, ms]] = spentMs(before, threadTimes(process.pid));
    assert.ok(ms > 0);
  });
}

test.run();
