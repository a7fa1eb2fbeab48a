import { test } from "uvu";
import * as assert from "uvu/assert";

import { medianOf, spread } from "../../lib/measure/spread.mjs";

test("a spread has median, minimum and maximum", () => {
  assert.is(spread([3, 1, 2.26]), "2.3 (1.0 to 3.0)");
  assert.is(spread([3, 1, 2], 0), "2 (1 to 3)");
  assert.is(medianOf([4, 1, 2, 3]), 2.5);
});

test.run();
