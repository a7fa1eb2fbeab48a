import { test } from "uvu";
import * as assert from "uvu/assert";

import { shareOfBest } from "../../lib/measure/best-so-far.mjs";

test("a rate is compared with the best up to it, never with later ones", () => {
  assert.equal(shareOfBest([10, 20, 15, 40]), [1, 1, 0.75, 1]);
  assert.equal(shareOfBest([]), []);
});

test.run();
