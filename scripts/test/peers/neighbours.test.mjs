import { test } from "uvu";
import * as assert from "uvu/assert";

import { Neighbours, parseStat, parseStolenTicks, snapshot } from "../../lib/peers/neighbours.mjs";

/** A snapshot of processes named after their ids, with so many ticks each. */
const at = (seconds, ticks, stolenTicks = 0) => ({
  seconds,
  processes: new Map(
    Object.entries(ticks).map(([pid, n]) => [Number(pid), { name: `p${pid}`, ticks: n }]),
  ),
  stolenTicks,
});
const NONE = new Set();
/** Where there is a /proc. */
const linuxTest = (...args) => (process.platform === "linux" ? test(...args) : test.skip(...args));

test("a name with brackets and blanks does not shift the times", () => {
  const stat = "42 (a) b (c)) S 1 42 42 0 -1 4194304 100 0 0 0 150 25 7 8 20 0 1 0 99";
  assert.equal(parseStat(stat), { name: "a) b (c)", ticks: 175 });
});

test("stolen time is the eighth of the line of all processors", () => {
  assert.is(parseStolenTicks("cpu  1 2 3 4 5 6 7 88 9 0\ncpu0 1 2 3 4 5 6 7 44 9 0\n"), 88);
});

linuxTest("this process is in a snapshot", () => {
  assert.ok(snapshot().processes.has(process.pid));
});

test("a neighbour that used much is named, one that used little is not", () => {
  const neighbours = new Neighbours();
  neighbours.add(at(0, { 1: 1000, 2: 50, 3: 0 }), at(10, { 1: 1500, 2: 90, 3: 900 }), new Set([3]));
  // 1: 500 ticks in 10 s are half a core; 2: 40 ticks are 4 %; 3 is our own.
  assert.equal(
    neighbours.busy.map(({ who, cores }) => [who, cores.toFixed(2)]),
    [["p1 (1)", "0.50"]],
  );
});

test("a process that began meanwhile counts, and so does the hypervisor", () => {
  const neighbours = new Neighbours();
  neighbours.add(at(0, {}, 5), at(1, { 9: 20 }, 35), NONE);
  assert.equal(
    neighbours.busy.map(({ who }) => who),
    ["the hypervisor (steal)", "p9 (9)"],
  );
});

test("a single tick of a short run is no proof", () => {
  const neighbours = new Neighbours();
  neighbours.add(at(0, { 1: 0 }), at(0.1, { 1: 1 }), NONE);
  neighbours.add(at(1, { 1: 1 }), at(3, { 1: 1 }), NONE);
  assert.equal(neighbours.busy, []);
});

test("ticks of many short runs add up", () => {
  const neighbours = new Neighbours();
  for (let n = 0; n < 20; n++) neighbours.add(at(n, { 1: n }), at(n + 0.1, { 1: n + 1 }), NONE);
  assert.equal(
    neighbours.busy.map(({ who, cores }) => [who, cores.toFixed(2)]),
    [["p1 (1)", "0.10"]],
  );
});

test("one busy run among quiet ones is named", () => {
  const neighbours = new Neighbours();
  neighbours.add(at(0, { 1: 0 }), at(1, { 1: 100 }), NONE);
  for (let n = 1; n < 50; n++) neighbours.add(at(n, { 1: 100 }), at(n + 1, { 1: 100 }), NONE);
  assert.is(neighbours.busy[0].cores.toFixed(2), "0.99");
});

test("a side that should be idle is called so", () => {
  const neighbours = new Neighbours(new Map([[7, "best"]]));
  neighbours.add(at(0, { 7: 0 }), at(1, { 7: 80 }), NONE);
  assert.is(neighbours.busy[0].who, "idle best (7)");
});

test.run();
