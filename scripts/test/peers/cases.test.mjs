import { test } from "uvu";
import * as assert from "uvu/assert";

import { contextSize, planCases, tokenIds } from "../../lib/peers/cases.mjs";

const lists = { promptTokens: [64, 512], generatedTokens: [32], depths: [2000, 0] };

test("every test runs at every depth, and depths ascend", () => {
  const cases = planCases({ ...lists, tests: ["prefill", "decode"] });
  assert.equal(cases, [
    { test: "prefill", promptTokens: 64, depth: 0 },
    { test: "prefill", promptTokens: 512, depth: 0 },
    { test: "decode", generatedTokens: 32, depth: 0 },
    { test: "prefill", promptTokens: 64, depth: 2000 },
    { test: "prefill", promptTokens: 512, depth: 2000 },
    { test: "decode", generatedTokens: 32, depth: 2000 },
  ]);
});

test("tests that are not chosen are left out", () => {
  const cases = planCases({ ...lists, tests: ["decode"] });
  assert.equal(
    cases.map((one) => one.test),
    ["decode", "decode"],
  );
});

test("the context holds depth, tokens and the one that warms up, in steps of 256", () => {
  const decode = (depth, generatedTokens) => ({ test: "decode", generatedTokens, depth });
  assert.is(contextSize([decode(0, 32)]), 256);
  assert.is(contextSize([decode(0, 255)]), 256);
  assert.is(contextSize([decode(0, 256)]), 512);
  assert.is(contextSize([decode(0, 8), { test: "prefill", promptTokens: 512, depth: 2000 }]), 2560);
});

test("a position has the same token whatever a run begins with", () => {
  const all = tokenIds(0, 100, 97);
  assert.equal(tokenIds(40, 60, 97), all.slice(40, 60));
  assert.ok(all.every((id) => id >= 0 && id < 97));
  assert.is(new Set(tokenIds(0, 97, 97)).size, 97);
  assert.equal(tokenIds(8, 8, 97), []);
});

test.run();
