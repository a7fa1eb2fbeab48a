/** A lost device and its return, in words and as JSON. */

import type { ClusterEvent } from "@dllama/core";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { clusterEventText } from "../src/output/cluster-event.ts";
import { jsonWriter } from "../src/output/json.ts";

const who = { rank: 2, address: "10.0.0.3:9998" };
const reason = "lost rank 2 (10.0.0.3:9998) during all-reduce: nothing came for 2s";
const lost = (onLost: "wait" | "replan" | "fail"): ClusterEvent => ({
  type: "lost",
  ...who,
  reason,
  onLost,
});
const recovered = (worldSize: number): ClusterEvent => ({
  type: "recovered",
  ...who,
  afterMs: 2345.6789,
  worldSize,
});

test("a loss says what is done about it, unless it is the error that ends the run", () => {
  assert.is(
    clusterEventText(lost("wait"), "text", 60),
    `${reason}. Waiting up to 60 s for it to come back.`,
  );
  assert.match(
    clusterEventText(lost("replan"), "model", 60) ?? "",
    /Sharing .* devices that are left\.$/,
  );
  assert.is(clusterEventText(lost("fail"), "text", 60), undefined);
});

test("a return says with how many, and after how long", () => {
  assert.is(
    clusterEventText(recovered(3), "text", 60),
    "The text goes on with 3 ranks, 2.3 s after the loss.",
  );
  assert.match(clusterEventText(recovered(1), "text", 60) ?? "", /with this device alone/);
  assert.is(
    clusterEventText(recovered(3), "model", 60),
    "The model is loaded on 3 ranks, 2.3 s after the loss.",
  );
});

test("json has both as an object a line", () => {
  let printed = "";
  const writer = jsonWriter({ write: (text) => void (printed += text) });
  writer.clusterEvent?.(lost("wait"));
  writer.clusterEvent?.(recovered(3));
  const lines = printed.trimEnd().split("\n");
  assert.equal(
    lines.map((line): unknown => JSON.parse(line)),
    [
      { type: "lost", ...who, reason, onLost: "wait" },
      { type: "recovered", ...who, afterMs: 2345.679, worldSize: 3 },
    ],
  );
});

test.run();
