/** Every unit of a model lies on exactly one rank, and on block borders where it must. */

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { planShards } from "../src/cluster/shards.ts";
import { equalSplit } from "../src/cluster/split.ts";
import type { Part, SplitSizes } from "../src/cluster/shards.ts";
import { expectError } from "./support/expect-error.ts";

const llama7b: SplitSizes = {
  nHeads: 32,
  nKvHeads: 32,
  headDim: 128,
  hiddenDim: 11_008,
  vocabSize: 32_000,
  quantised: { attentionOutput: true, ffnDown: true },
};

const sizes = fc
  .record({
    nKvHeads: fc.integer({ min: 1, max: 16 }),
    groupSize: fc.integer({ min: 1, max: 8 }),
    headDim: fc.constantFrom(8, 16, 32, 48, 64, 128),
    hidden: fc.integer({ min: 1, max: 400 }),
    vocabSize: fc.integer({ min: 1, max: 40_000 }),
    attentionOutput: fc.boolean(),
    ffnDown: fc.boolean(),
  })
  .map(({ nKvHeads, groupSize, headDim, hidden, vocabSize, ...quantised }): SplitSizes => {
    const nHeads = nKvHeads * groupSize;
    // A row of a quantised matrix is whole blocks.
    const wholeBlocks = (nHeads * headDim) % 32 === 0;
    return {
      nHeads,
      nKvHeads,
      headDim,
      hiddenDim: quantised.ffnDown ? hidden * 32 : hidden,
      vocabSize,
      quantised: { ...quantised, attentionOutput: quantised.attentionOutput && wholeBlocks },
    };
  });

function requireCover(parts: Part[], size: number, unit: number): void {
  let end = 0;
  for (const { first, n } of parts) {
    assert.is(first, end);
    assert.is(first % unit, 0);
    end += n;
  }
  assert.is(end, size);
  const whole = parts.map(({ n }) => Math.ceil(n / unit));
  assert.ok(
    Math.max(...whole) - Math.min(...whole) <= 1,
    `as equal as units allow: ${whole.join()}`,
  );
}

test("parts cover everything once, as equally as units allow", () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 16 }), (model, worldSize) => {
      fc.pre(worldSize <= model.nHeads / (model.quantised.attentionOutput ? 32 : 1));
      const shards = planShards(model, equalSplit(worldSize));
      requireCover(
        shards.map((shard) => shard.hidden),
        model.hiddenDim,
        model.quantised.ffnDown ? 32 : 1,
      );
      requireCover(
        shards.map((shard) => shard.vocab),
        model.vocabSize,
        1,
      );
      let end = 0;
      for (const { heads, kvHeads } of shards) {
        assert.is(heads.first, end);
        assert.ok(heads.n >= 1);
        end += heads.n;
        if (model.quantised.attentionOutput) assert.is((heads.first * model.headDim) % 32, 0);
        const group = model.nHeads / model.nKvHeads;
        assert.is(kvHeads.first, Math.floor(heads.first / group));
        assert.is(kvHeads.first + kvHeads.n, Math.floor((end - 1) / group) + 1);
      }
      assert.is(end, model.nHeads);
    }),
    { seed: 1 },
  );
});

test("Llama 2 7B over three ranks", () => {
  const shards = planShards(llama7b, equalSplit(3));
  assert.equal(
    shards.map(({ heads }) => heads.n),
    [10, 11, 11],
  );
  assert.equal(
    shards.map(({ hidden }) => hidden.n),
    [114 * 32, 115 * 32, 115 * 32],
  );
  assert.equal(
    shards.map(({ vocab }) => vocab.n),
    [10_666, 10_667, 10_667],
  );
});

test("a KV head at a border lies on two ranks", () => {
  const shards = planShards({ ...llama7b, nKvHeads: 2, nHeads: 6 }, equalSplit(4));
  assert.equal(
    shards.map(({ heads, kvHeads }) => [heads.first, heads.n, kvHeads.first, kvHeads.n]),
    [
      [0, 1, 0, 1],
      [1, 2, 0, 1],
      [3, 1, 1, 1],
      [4, 2, 1, 1],
    ],
  );
});

test("more ranks than attention units: the error has the number that works", async () => {
  await expectError("TOO_MANY_RANKS", ["at most 32 ranks", "got 33"], () =>
    planShards(llama7b, equalSplit(33)),
  );
  // Four heads of 8 values are a block.
  const small = { ...llama7b, nHeads: 8, nKvHeads: 4, headDim: 8 };
  await expectError("TOO_MANY_RANKS", ["at most 2 ranks", "got 3"], () =>
    planShards(small, equalSplit(3)),
  );
});

test.run();
