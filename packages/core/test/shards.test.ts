/** Every unit of a model lies on exactly one rank, and on block borders where it must. */

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { attentionUnits, planShards } from "../src/cluster/shards.ts";
import { equalSplit, splitOfThoseLeft } from "../src/cluster/split.ts";
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

/** Weights of ranks: whole, with fractions, tiny and none. */
const weight = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.double({ min: 1e-6, max: 1000, noNaN: true }),
);
const split = fc
  .array(weight, { minLength: 1, maxLength: 12 })
  .filter((weights) => weights.some((value) => value > 0));

/** Disjoint, in order, on borders, and each within a unit of its exact size. */
function requireProportion(parts: Part[], size: number, unit: number, weights: number[]): void {
  let end = 0;
  const total = weights.reduce((sum, value) => sum + value, 0);
  const nUnits = Math.ceil(size / unit);
  for (const [rank, { first, n }] of parts.entries()) {
    assert.is(first, end);
    assert.ok(n >= 0);
    if (n > 0) assert.is(first % unit, 0);
    end += n;
    const exact = ((weights[rank] ?? 0) * nUnits) / total;
    const difference = Math.abs(Math.ceil(n / unit) - exact);
    assert.ok(difference < 1 + 1e-6, `rank ${rank}: ${n / unit} units, exactly ${exact}`);
  }
  assert.is(end, size);
}

test("parts of weights cover everything once, within a unit of their weight", () => {
  fc.assert(
    fc.property(sizes, split, (model, weights) => {
      fc.pre(weights.length <= attentionUnits(model));
      const shards = planShards(model, weights);
      const unitHeads = model.nHeads / attentionUnits(model);
      const headUnit = Number.isInteger(unitHeads) ? unitHeads : 1;
      const heads = shards.map((shard) => shard.heads);
      // A last unit that is not whole belongs to the last rank.
      if (Number.isInteger(unitHeads)) {
        requireProportion(heads, model.nHeads, headUnit, weights);
      }
      const hidden = shards.map((shard) => shard.hidden);
      requireProportion(hidden, model.hiddenDim, model.quantised.ffnDown ? 32 : 1, weights);
      const vocab = shards.map((shard) => shard.vocab);
      requireProportion(vocab, model.vocabSize, 1, weights);
      const group = model.nHeads / model.nKvHeads;
      for (const { heads: part, kvHeads } of shards) {
        if (part.n === 0) assert.is(kvHeads.n, 0, "an empty slice has no KV heads");
        else {
          assert.ok(kvHeads.first * group <= part.first);
          assert.ok((kvHeads.first + kvHeads.n) * group >= part.first + part.n);
          assert.ok(kvHeads.n <= part.n + 1);
        }
      }
      assert.equal(planShards(model, weights), shards, "the same each time");
      const doubled = weights.map((value) => value * 2);
      assert.equal(planShards(model, doubled), shards, "weights are relative");
    }),
    { seed: 1 },
  );
});

test("a larger weight never has a smaller part than before", () => {
  fc.assert(
    fc.property(
      split,
      fc.nat({ max: 11 }),
      fc.integer({ min: 1, max: 50 }),
      (weights, at, more) => {
        const rank = at % weights.length;
        const before = planShards(llama7b, weights)[rank];
        const larger = weights.map((value, index) => (index === rank ? value + more : value));
        const after = planShards(llama7b, larger)[rank];
        assert.ok(
          (after?.hidden.n ?? 0) >= (before?.hidden.n ?? 0) - 32,
          "a border may move by a unit",
        );
        assert.ok((after?.vocab.n ?? 0) >= (before?.vocab.n ?? 0) - 1);
      },
    ),
    { seed: 1 },
  );
});

test("2,1,1 and slices that are empty", () => {
  const heads = (weights: number[]): number[] =>
    planShards(llama7b, weights).map((shard) => shard.heads.n);
  assert.equal(heads([2, 1, 1]), [16, 8, 8]);
  assert.equal(heads([0.3, 0.3, 0.6]), [8, 8, 16]);
  assert.equal(heads([0, 1, 0, 1]), [0, 16, 0, 16]);
  assert.equal(heads([1, 0.001]), [31, 1]);
  assert.equal(heads([0.001, 1]), [0, 32]);
  const [, none] = planShards({ ...llama7b, nKvHeads: 8 }, [1, 0, 2]);
  assert.equal([none?.heads.n, none?.kvHeads.n, none?.hidden.n, none?.vocab.n], [0, 0, 0, 0]);
});

test("a split that is no list of weights is refused", async () => {
  for (const bad of [[], [0, 0], [-1, 2], [Number.NaN], [Number.POSITIVE_INFINITY], [2e6]]) {
    // oxlint-disable-next-line no-await-in-loop -- one after another
    await expectError("INVALID_ARGUMENT", ["expected a split"], () => planShards(llama7b, bad));
  }
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

test("those who are left keep their weights, if that gives anybody anything", () => {
  const workers = ["a:1", "b:1", "c:1"];
  assert.equal(splitOfThoseLeft([4, 3, 2, 1], workers, ["a:1", "c:1"]), [4, 3, 1]);
  assert.equal(splitOfThoseLeft([4, 3, 2, 1], workers, []), [4]);
  assert.is(splitOfThoseLeft([0, 1, 0, 0], workers, ["b:1", "c:1"]), "equal");
  assert.is(splitOfThoseLeft("auto", workers, ["b:1"]), "auto");
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
