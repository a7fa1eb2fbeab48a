import { test } from "uvu";
import * as assert from "uvu/assert";

import { OverheadLedger } from "../../lib/measure/overhead-ledger.mjs";

const forward = {
  inferenceMs: 1,
  opMs: { matMul: 0.5, attention: 0.125, norm: 0.125, sampling: 0.0625, other: 0.0625, wait: 0 },
};

test("a token is its arithmetic and the parts of its overhead", () => {
  const ledger = new OverheadLedger();
  ledger.add(forward);
  ledger.start(100);
  ledger.add(forward);
  ledger.add(forward);
  assert.equal(ledger.means(2, 103), {
    tokenUs: 1500,
    arithmeticUs: 750,
    otherOpsUs: 125,
    forwardUs: 125,
    javaScriptUs: 500,
    overheadUs: 750,
  });
});

test.run();
