import { setTimeout as sleep } from "node:timers/promises";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { waitingText, watchWaiting } from "../src/output/waiting.ts";

const peers = [
  { rank: 2, address: "10.0.0.3:9998", silentMs: 812 },
  { rank: 3, address: "10.0.0.4:9998", silentMs: 0 },
];

test("a long wait names everybody who is waited for", () => {
  const [late] = peers;
  assert.ok(late);
  assert.is(waitingText({ peers: [late], ms: 1999 }), undefined);
  assert.is(
    waitingText({ peers: [late], ms: 4000 }),
    "waiting for rank 2 (10.0.0.3:9998, last sign of life 0.8 s ago) for 4 s",
  );
  assert.match(
    waitingText({ peers, ms: 65_000 }) ?? "",
    "rank 3 (10.0.0.4:9998, last sign of life 0.0 s ago) for 1 min 05 s",
  );
});

test("a wait is told at once and then now and then, and the next wait anew", async () => {
  const waits = [null, 100, 2500, 3000, 7600, null, 2100, 2200].map((ms) =>
    ms === null ? null : { peers, ms },
  );
  const told: string[] = [];
  const next = () => {
    return waits.shift() ?? null;
  };
  const watch = watchWaiting(next, (text) => told.push(text), { lookMs: 1, repeatMs: 5000 });
  // oxlint-disable-next-line no-await-in-loop -- until all looks are taken
  while (waits.length > 0) await sleep(1);
  watch.end();
  assert.equal(
    told.map((text) => / for (\d+ s)$/.exec(text)?.[1]),
    ["3 s", "8 s", "2 s"],
  );
});

test.run();
