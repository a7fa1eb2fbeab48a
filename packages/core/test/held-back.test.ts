/** Who holds the others back, and what the ranks' machines tell. */

import type { HostFacts, RankTimes } from "@dllama/bindings";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { findHeldBack, smallWeights } from "../src/cluster/held-back.ts";
import { rankReports, slowdowns, throttlingOf } from "../src/cluster/rank-report.ts";

const silent: HostFacts = {
  celsius: null,
  frequencyMhz: null,
  allowedMhz: null,
  possibleMhz: null,
  throttleEvents: null,
  firmwareFlags: null,
};

const nothing = {
  nForwards: 0,
  computeMs: 0,
  waitMs: 0,
  networkMs: 0,
  totalMs: 0,
  sentBytes: 0,
  receivedBytes: 0,
};

/** Ten tokens of ranks that compute so long for each, and wait for the slowest. */
function ranks(computeMs: number[], shares = computeMs.map(() => 1)) {
  const slowest = Math.max(...computeMs);
  const times = computeMs.map((ms, rank): RankTimes => ({
    rank,
    address: `10.0.0.${rank + 1}:9998`,
    exact: {
      ...nothing,
      nForwards: 10,
      computeMs: ms * 10,
      networkMs: (slowest - ms + 1) * 10,
      sentBytes: 10_240,
    },
    fast: { ...nothing, nForwards: 2, computeMs: 1e6 },
    host: silent,
  }));
  return rankReports(times, shares);
}

test("figures are means of a generated token, and shares parts of one", () => {
  const [first, second] = ranks([20, 40], [300, 100]);
  assert.equal(
    [first?.computeMs, first?.networkMs, first?.sentBytes, first?.share],
    [20, 21, 1024, 0.75],
  );
  assert.is(second?.share, 0.25);
});

test("a split is recommended only as far as there is memory for it", () => {
  const slow = ranks([42, 21]);
  assert.equal(findHeldBack(slow, (split) => split)?.split, [1, 2]);
  const near = findHeldBack(slow, () => [3, 4]);
  assert.equal(near?.split, [3, 4]);
  assert.match(near?.text ?? "", "--split 3,4 would share the work better, within the memory");
  assert.is(
    findHeldBack(slow, () => [1, 1]),
    undefined,
    "that is what they have",
  );
  assert.is(
    findHeldBack(slow, () => undefined),
    undefined,
  );
});

test("the slow rank is named with the split that mends it", () => {
  const found = findHeldBack(ranks([21, 21, 42]));
  assert.equal([found?.rank, found?.othersMs, found?.split], [2, 21, [2, 2, 1]]);
  assert.is(
    found?.text,
    "Rank 2 (10.0.0.3:9998) holds the others back: it computes 42.0 ms a token, the others 21.0; " +
      "--split 2,2,1 would share the work by their speed.",
  );
  const root = findHeldBack(ranks([90, 30]));
  assert.equal([root?.rank, root?.split], [0, [1, 3]]);
  assert.match(root?.text ?? "", /^Rank 0 \(this device\) holds/);
});

test("speeds are by the shares that there are", () => {
  // The first has three quarters and takes as long as one of equal speed would not.
  assert.equal(findHeldBack(ranks([60, 20], [3, 1]))?.split, [1, 1]);
  assert.is(findHeldBack(ranks([30, 30], [3, 1])), undefined, "balanced as it is");
});

test("nobody is named where nothing is to be gained", () => {
  assert.is(findHeldBack(ranks([40])), undefined, "alone");
  assert.is(findHeldBack(ranks([40, 41, 39.5])), undefined, "equal");
  assert.is(findHeldBack(ranks([0, 0])), undefined, "nothing computed");
  assert.is(findHeldBack(ranks([10, 20], [1, 0])), undefined, "a rank without a share");
  assert.is(findHeldBack([]), undefined);
  const brief = ranks([10, 20]).map((rank) => ({ ...rank, nForwards: 7 }));
  assert.is(findHeldBack(brief), undefined, "a few tokens");
  // Twice as slow, but a token is all network.
  const slowLink = ranks([1, 2]).map((rank) => ({ ...rank, networkMs: 100 }));
  assert.is(findHeldBack(slowLink), undefined);
});

test("weights are small, whole and at least one", () => {
  assert.equal(smallWeights([1, 1, 1]), [1, 1, 1]);
  assert.equal(smallWeights([3, 2]), [3, 2]);
  assert.equal(smallWeights([1, 0.52]), [2, 1]);
  assert.equal(smallWeights([1, 1e-9]), [8, 1]);
  for (let seed = 1; seed < 200; seed++) {
    const values = [1, (seed % 13) + 1, (seed % 7) + 1];
    const weights = smallWeights(values);
    assert.ok(weights.every((weight) => Number.isInteger(weight) && weight >= 1 && weight <= 8));
  }
});

test("a machine that was slowed down says why", () => {
  assert.equal(throttlingOf(silent), []);
  assert.equal(throttlingOf({ ...silent, celsius: 85, firmwareFlags: 0, throttleEvents: 0 }), []);
  assert.equal(throttlingOf({ ...silent, allowedMhz: 1800, possibleMhz: 1800 }), []);
  const pi = { ...silent, celsius: 82.4, firmwareFlags: 0b1101 };
  assert.equal(throttlingOf(pi), [
    "under-voltage: its power supply is too weak",
    "its firmware throttled it",
    "it reached the soft limit of its temperature",
    "82 °C now",
  ]);
  assert.equal(
    throttlingOf({ ...silent, allowedMhz: 1500, possibleMhz: 1800, throttleEvents: 7 }),
    ["its cores throttled 7 times for their temperature", "its cores may use 1500 of 1800 MHz"],
  );
  const [first, second] = ranks([1, 1]);
  assert.ok(first && second);
  assert.equal(slowdowns([first, { ...second, throttling: throttlingOf(pi).slice(1, 2) }]), [
    "Rank 1 (10.0.0.2:9998) was slowed down: its firmware throttled it.",
  ]);
});

test.run();
