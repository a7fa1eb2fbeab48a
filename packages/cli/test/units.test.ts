import { test } from "uvu";
import * as assert from "uvu/assert";
import { describeProgress } from "../src/output/progress.ts";
import { shellQuote } from "../src/output/shell-quote.ts";
import { formatBytes, formatDuration, formatGiB } from "../src/output/units.ts";
import { wrap } from "../src/output/wrap.ts";

test("sizes have two decimals of the largest unit", () => {
  assert.is(formatBytes(0), "0 bytes");
  assert.is(formatBytes(1023), "1023 bytes");
  assert.is(formatBytes(1024), "1.00 KiB");
  assert.is(formatBytes(3.5 * 2 ** 30), "3.50 GiB");
  assert.is(formatBytes(5 * 2 ** 50), "5120.00 TiB");
  assert.is(formatGiB(3854745600), "3.59 GiB");
});

test("durations have at most two units", () => {
  assert.is(formatDuration(0.0404), "40 ms");
  assert.is(formatDuration(0.9994), "999 ms");
  assert.is(formatDuration(0.9996), "1 s");
  assert.is(formatDuration(59.4), "59 s");
  assert.is(formatDuration(59.5), "1 min 00 s");
  assert.is(formatDuration(3599.6), "1 h 00 min");
  assert.is(formatDuration(7620), "2 h 07 min");
});

test("progress tells share, size, rate and time left", () => {
  assert.is(describeProgress(0, 2 ** 30, 1), "0% of 1.00 GiB");
  assert.is(describeProgress(2 ** 29, 2 ** 30, 2), "50% of 1.00 GiB, 256.00 MiB/s, 2 s left");
  assert.is(describeProgress(2 ** 30, 2 ** 30, 4), "100% of 1.00 GiB, 256.00 MiB/s");
  assert.is(describeProgress(0, 0, 1), "100% of 0 bytes");
});

test("a word is quoted so that a shell reads it back", () => {
  assert.is(shellQuote("/models/llama-2-7b.gguf"), "/models/llama-2-7b.gguf");
  assert.is(shellQuote("my model's.gguf"), `'my model'\\''s.gguf'`);
  assert.is(shellQuote(""), "''");
});

test("lines break at spaces, and long words stay whole", () => {
  assert.equal(wrap("one two three", 7), ["one two", "three"]);
  assert.equal(wrap("extraordinary word", 5), ["extraordinary", "word"]);
});

test.run();
