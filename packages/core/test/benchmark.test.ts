/** The arithmetic of a benchmark; its runs are tested from the command line. */

import type { ForwardResult } from "@dllama/bindings";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { planTests, positionsNeeded, testSequences } from "../src/benchmark/cases.ts";
import { OneSequence } from "../src/benchmark/one-sequence.ts";
import { spreadOf } from "../src/benchmark/spread.ts";
import { TimeLedger } from "../src/benchmark/time-ledger.ts";
import { tokenWeightBytes } from "../src/benchmark/token-weights.ts";
import { readGguf } from "../src/gguf/read-gguf.ts";
import { embeddedModelPath } from "../src/index.ts";
import { openModel } from "../src/models/model-family.ts";

for (const [values, median, minimum, maximum] of [
  [[3], 3, 3, 3],
  [[5, 1, 3], 3, 1, 5],
  [[10, 9, 2, 1], 5.5, 1, 10],
  [[], 0, 0, 0],
] as const) {
  test(`the spread of ${values.join(", ") || "nothing"}`, () => {
    assert.equal(spreadOf(values), { median, minimum, maximum });
  });
}

test("every length is tested at every depth, each once, depths ascending", () => {
  const lists = { promptTokens: [64, 64], generatedTokens: [8, 0], depths: [100, 0, 100] };
  const tests = planTests(lists);
  assert.equal(tests, [
    { test: "prefill", promptTokens: 64, depth: 0 },
    { test: "decode", generatedTokens: 8, sequences: 1, depth: 0 },
    { test: "prefill", promptTokens: 64, depth: 100 },
    { test: "decode", generatedTokens: 8, sequences: 1, depth: 100 },
  ]);
  // The largest is a prompt of 64 at 100; one more is what a decode warms up with.
  assert.is(positionsNeeded(tests), 165);
  assert.is(positionsNeeded([]), 1);
});

test("one sequence comes before several, and they are compared in the same test", () => {
  const lists = { promptTokens: [], generatedTokens: [8], depths: [0, 9], sequences: [4, 1, 4] };
  const tests = planTests(lists);
  assert.equal(
    tests.map((one) => [one.depth, testSequences(one)]),
    [
      [0, 1],
      [0, 4],
      [9, 1],
      [9, 4],
    ],
  );
  const alone = new OneSequence();
  const rates = [10, 25, 8, 12];
  assert.equal(
    tests.map((one, index) => alone.factor(one, rates[index] ?? 0)),
    [null, 2.5, null, 1.5],
  );
  const [, several] = tests;
  assert.ok(several);
  assert.is(new OneSequence().factor(several, 25), null, "nothing to compare with");
});

test("a token reads all weights but the embedding, of which it reads a row", async () => {
  const open = await openModel(await readGguf(embeddedModelPath));
  const options = {
    seqLen: 8,
    nSequences: 1,
    maxTokens: 8,
    bufferFloatType: "f32",
    kvCacheType: "f32",
  } as const;
  const read = (worldSize: number): number[] =>
    open.programs({ ...options, worldSize }).map(tokenWeightBytes);
  // (512, 64) f32
  const row = 64 * 4;
  const matrices = open.weightBytes - 512 * row;
  assert.equal(read(1), [matrices + row]);
  const [root = 0, worker = 0] = read(2);
  assert.ok(root > worker && worker > 0);
  // Norms, and KV heads at a border, are on both.
  assert.ok(root + worker >= matrices + row);
});

function forward(opMs: Partial<ForwardResult["opMs"]>, transferMs = 0): ForwardResult {
  const all = { matMul: 0, attention: 0, norm: 0, sampling: 0, other: 0, wait: 0, network: 0 };
  const sum = Object.values(opMs).reduce((total, ms) => total + ms, 0);
  const traffic = { transferMs, sentBytes: 300, receivedBytes: 100 };
  // A quarter of a millisecond is the forward's own.
  const nothing = { rows: [], failures: [] };
  return { ...nothing, inferenceMs: sum + 0.25, opMs: { ...all, ...opMs }, ...traffic };
}

test("the parts of the time add up to it, and each is what its name says", () => {
  const ledger = new TimeLedger();
  ledger.add(forward({ matMul: 4, attention: 1, norm: 0.5, sampling: 0.25, other: 0.5 }, 2));
  ledger.add(forward({ matMul: 4, wait: 1 }, 1));
  ledger.addPick(0.25);
  ledger.addRun(2, 16);
  const { shares } = ledger;
  assert.equal(shares, {
    matmul: 8 / 16,
    attention: 1 / 16,
    norm: 0.5 / 16,
    wait: 1 / 16,
    network: 3 / 16,
    sampling: 0.5 / 16,
    javaScript: 1 / 16,
    other: 1 / 16,
  });
  assert.is(
    Object.values(shares).reduce((sum, part) => sum + part),
    1,
  );
  assert.equal(ledger.transfer, {
    msPerToken: 1.5,
    sentBytesPerToken: 300,
    receivedBytesPerToken: 100,
  });
});

test("no run has no parts", () => {
  const { shares, transfer } = new TimeLedger();
  assert.ok(Object.values(shares).every((part) => part === 0));
  assert.is(transfer.msPerToken, 0);
});

test.run();
