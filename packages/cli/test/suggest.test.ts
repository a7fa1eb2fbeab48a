import { test } from "uvu";
import * as assert from "uvu/assert";
import * as fc from "fast-check";
import { editDistance, nearest } from "../src/args/suggest.ts";

const flags = ["--model", "--max-seq-len", "--temperature", "--temp", "--steps", "--seed", "-n"];

const suggestions: [string, string | undefined][] = [
  ["--stepz", "--steps"],
  ["--setps", "--steps"],
  ["--maxSeqLen", "--max-seq-len"],
  ["--max_seq_len", "--max-seq-len"],
  ["--MODEL", "--model"],
  ["--temperatur", "--temperature"],
  ["--max", "--max-seq-len"],
  ["--gpu-layers", undefined],
  ["-x", undefined],
  ["--", undefined],
];

for (const [typed, expected] of suggestions) {
  test(`${typed}: ${expected ?? "nothing near"}`, () => assert.is(nearest(typed, flags), expected));
}

test("one edit of each kind costs 1", () => {
  for (const word of ["step", "steeps", "staps", "setps"]) {
    assert.is(editDistance(word, "steps"), 1, word);
  }
});

test("the distance is symmetric, zero for equal words alone, and at most the longer length", () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      assert.is(distance, editDistance(b, a));
      assert.is(distance === 0, a === b);
      assert.ok(distance <= Math.max(a.length, b.length));
      assert.ok(distance >= Math.abs(a.length - b.length));
    }),
  );
});

test.run();
