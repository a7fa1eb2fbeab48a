/** The model of `dllama plan` against what was published of the original. */

import { readFileSync } from "node:fs";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { run } from "../lib/children.mjs";
import { predictions } from "../lib/plan/predictions.mjs";

/** docs/planning.md says where the rest is. */
const LARGEST_ERROR = 0.2;

test("published rows are predicted as closely as the documentation says", () => {
  const { gbPerSecond, rows } = predictions();
  assert.ok(gbPerSecond > 2.8 && gbPerSecond < 2.9, `${gbPerSecond}`);
  assert.is(rows.length, 5);
  const [fitted, ...predicted] = rows;
  assert.ok(Math.abs(fitted.error) < 1e-9);
  for (const { shape, nNodes, error } of predicted) {
    assert.ok(Math.abs(error) <= LARGEST_ERROR, `${shape} on ${nNodes}: ${error}`);
  }
});

test("the original's transfer is what its README says, to the kilobyte", () => {
  for (const { publishedKb, sentKb, receivedKb } of predictions().rows) {
    if (publishedKb === undefined) continue;
    assert.equal(
      [Math.floor(sentKb), Math.floor(receivedKb)],
      [publishedKb.sentKb, publishedKb.receivedKb],
    );
  }
});

test("the documentation's table is what the script prints", async () => {
  const script = new URL("../check-plan.mjs", import.meta.url).pathname;
  const { stdout } = await run([process.execPath, script]);
  const docs = readFileSync(new URL("../../docs/planning.md", import.meta.url), "utf8");
  for (const line of stdout.split("\n").filter((text) => text !== "")) {
    assert.ok(docs.includes(line), `docs/planning.md lacks: ${line}`);
  }
});

test.run();
