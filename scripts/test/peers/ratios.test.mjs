import { test } from "uvu";
import * as assert from "uvu/assert";

import { ratiosOf, rotated, spreadOf } from "../../lib/peers/ratios.mjs";

test("the spread of an odd and of an even number of values", () => {
  assert.equal(spreadOf([3, 1, 2]), { median: 2, minimum: 1, maximum: 3 });
  assert.equal(spreadOf([4, 1, 2, 3]), { median: 2.5, minimum: 1, maximum: 4 });
  assert.equal(spreadOf([7]), { median: 7, minimum: 7, maximum: 7 });
});

test("runs are compared with those of the same round", () => {
  // The machine was twice as slow in the second round: both sides met that.
  assert.equal(ratiosOf([20, 10, 30], [10, 5, 10]), { median: 2, minimum: 2, maximum: 3 });
});

test("everyone goes first in turn", () => {
  const orders = [0, 1, 2, 3].map((round) => rotated(["a", "b", "c"], round).join(""));
  assert.equal(orders, ["abc", "bca", "cab", "abc"]);
});

test.run();
