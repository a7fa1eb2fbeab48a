import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LoadProgress } from "@dllama/core";
import { describeLoaded, describeLoading } from "../src/output/load-progress.ts";

const MIB = 2 ** 20;

function progress(doneMib: number, sources: Partial<LoadProgress["sources"]>): LoadProgress {
  const none = { sentBytes: 0, cachedBytes: 0, heldBytes: 0, localBytes: 0 };
  return {
    rank: 1,
    address: "10.0.0.2:9998",
    doneBytes: doneMib * MIB,
    totalBytes: 400 * MIB,
    sources: { ...none, ...sources },
    hashedBytes: 0,
  };
}

test("a worker that loads has bytes, rate, time left and what it had", () => {
  assert.is(
    describeLoading(progress(100, { sentBytes: 100 * MIB }), 1),
    "25% of 400.00 MiB, 100.00 MiB/s, 3 s left",
  );
  assert.is(
    describeLoading(progress(200, { sentBytes: 100 * MIB, cachedBytes: 150 * MIB }), 2),
    "50% of 400.00 MiB, 100.00 MiB/s, 2 s left, 150.00 MiB cached",
  );
});

test("a worker that has loaded says what was sent and what was not", () => {
  const loaded = (sources: Partial<LoadProgress["sources"]>) =>
    describeLoaded(progress(400, sources), 4);
  assert.is(loaded({ sentBytes: 400 * MIB }), "400.00 MiB in 4 s: 400.00 MiB sent, 100.00 MiB/s");
  assert.is(
    loaded({ cachedBytes: 400 * MIB }),
    "400.00 MiB in 4 s: nothing sent, 400.00 MiB cached",
  );
  assert.is(
    loaded({ heldBytes: 300 * MIB, localBytes: 100 * MIB }),
    "400.00 MiB in 4 s: nothing sent, 300.00 MiB still in its memory, 100.00 MiB in its own model file",
  );
});

test("the root has no such sources", () => {
  const own = { ...progress(400, { localBytes: 400 * MIB }), rank: 0 };
  assert.is(describeLoaded(own, 4), "400.00 MiB in 4 s");
  assert.is(describeLoading(own, 4), "100% of 400.00 MiB, 100.00 MiB/s");
});

test.run();
