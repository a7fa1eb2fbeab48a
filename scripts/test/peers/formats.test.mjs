import { test } from "uvu";
import * as assert from "uvu/assert";

import { createFormat } from "../../lib/peers/formats.mjs";

const setup = { commit: "abc1234", positions: 2560, options: { rounds: 3 } };
const machine = {
  type: "machine",
  processor: "A Processor",
  isa: "avx2",
  version: "1.2.3",
  variants: { same: "haswell", best: undefined },
};
const result = {
  type: "case",
  test: "decode",
  generatedTokens: 32,
  depth: 2000,
  shape: "llama2-7b",
  nThreads: 2,
  runs: { dllama: [6, 7, 8], same: [4, 4, 5], best: undefined },
  ratios: { same: { median: 1.6, minimum: 1.5, maximum: 1.75 }, best: undefined },
  leftOutShare: 0.0123,
  busy: [],
};

test("a table has facts, titles, and a line a case", () => {
  const format = createFormat("table", setup);
  const head = format.machine(machine);
  assert.match(head, "commit abc1234, avx2");
  assert.match(head, "same loaded libggml-cpu-haswell.so\n");
  assert.match(head, "2560 positions");
  assert.match(head, "3 rounds");
  const line = format.case(result);
  assert.match(
    line,
    /^llama2-7b +2 +decode 32 +2000 +7\.00 +4\.00 +1\.60 \(1\.50 to 1\.75\) +- +-\n$/u,
  );
  // What stands below each other begins in the same column.
  const titles = head.trimEnd().split("\n").at(-1);
  assert.is(line.indexOf("1.60"), titles.indexOf("dllama / same"));
});

test("where same and best load the same kernels, the head says that one was run", () => {
  const both = { same: "icelake", best: "icelake" };
  const head = createFormat("table", setup).machine({ ...machine, variants: both });
  assert.match(head, "same and best both load libggml-cpu-icelake.so: run once");
  const two = { same: "icelake", best: "zen4" };
  const other = createFormat("table", setup).machine({ ...machine, variants: two });
  assert.match(other, "same loaded libggml-cpu-icelake.so; best loaded libggml-cpu-zen4.so\n");
  assert.not.match(other, "run once");
});

test("the end tells of a quiet machine, and what was left out", () => {
  const format = createFormat("table", setup);
  format.case(result);
  assert.match(format.end(), "No other process used more than 5 %");
  assert.match(format.end(), "at most 1.2 % of a run");
});

test("the end names those that disturbed, and when", () => {
  const format = createFormat("markdown", setup);
  format.case({ ...result, busy: [{ who: "rustc (7)", cores: 0.974 }] });
  assert.match(
    format.end(),
    /DISTURBED[^]*llama2-7b, 2 threads, decode 32 at depth 2000: rustc \(7\) 97 %/u,
  );
});

test("a Markdown table has as many cells in each line", () => {
  const format = createFormat("markdown", setup);
  const lines = `${format.machine(machine)}${format.case(result)}`.split("\n");
  const rows = lines.filter((line) => line.startsWith("|"));
  assert.is(rows.length, 3);
  assert.is(new Set(rows.map((row) => row.split("|").length)).size, 1);
});

test("JSON has one object a line, with every run", () => {
  const format = createFormat("json", setup);
  assert.is(JSON.parse(format.machine(machine)).commit, "abc1234");
  const object = JSON.parse(format.case({ ...result, leftOutShare: 1 / 3 }));
  assert.equal(object.runs, { dllama: [6, 7, 8], same: [4, 4, 5] });
  assert.is(object.leftOutShare, 0.333333);
  assert.is(format.end(), "");
});

test.run();
