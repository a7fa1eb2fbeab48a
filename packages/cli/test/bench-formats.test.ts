/** What a benchmark prints, from fixed figures. */

import type { BenchmarkResult, SessionPlan } from "@dllama/core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { benchWriters } from "../src/output/bench/formats.ts";
import { rate } from "../src/output/bench/figures.ts";
import { planText } from "../src/output/plan.ts";

const shared = {
  type: "case",
  nThreads: 2,
  tokenWeightBytes: 640_000_000,
  readLoopGbPerSecond: 31.25,
} as const;

const prefill: BenchmarkResult = {
  ...shared,
  test: { test: "prefill", promptTokens: 64, depth: 0 },
  nRanks: 1,
  tokensPerSecond: { median: 118.46, minimum: 117.94, maximum: 118.72 },
  factor: null,
  runs: [118.72, 117.94, 118.46],
  weightGbPerSecond: null,
  readLoopShare: null,
  times: times({ matmul: 0.95, attention: 0.03, wait: 0.02 }),
  transfer: undefined,
};

const decode: BenchmarkResult = {
  ...shared,
  test: { test: "decode", generatedTokens: 32, sequences: 1, depth: 2000 },
  nRanks: 2,
  tokensPerSecond: { median: 1 / 3, minimum: 0.25, maximum: 1234.5 },
  factor: null,
  runs: [0.25, 1 / 3, 1234.5],
  weightGbPerSecond: 20.123456,
  readLoopShare: 0.64395,
  times: times({ matmul: 0.5, network: 0.25, javaScript: 0.2496, other: 0.0004 }),
  transfer: { msPerToken: 7.161, sentBytesPerToken: 98_714, receivedBytesPerToken: 97_485 },
};

const four: BenchmarkResult = {
  ...decode,
  test: { test: "decode", generatedTokens: 32, sequences: 4, depth: 2000 },
  factor: 3.4166,
};

function times(parts: Partial<BenchmarkResult["times"]>): BenchmarkResult["times"] {
  const none = { matmul: 0, attention: 0, norm: 0, wait: 0 };
  return { ...none, network: 0, sampling: 0, javaScript: 0, other: 0, ...parts };
}

const plan: SessionPlan = {
  id: "0123abcd",
  origin: "measured",
  allReduce: { scatteredFromBytes: 17_408 },
  measurement: { latencyMs: 0.0851, bytesPerSecond: 112_345_678 },
  split: [3, 1],
  splitOrigin: "kept",
};

function print(format: keyof typeof benchWriters, result: BenchmarkResult): string {
  let printed = "";
  const writer = benchWriters[format]((text) => (printed += text));
  writer.start({
    machine: {
      type: "machine",
      processor: "A\x1bB",
      isa: "avx2",
      cores: 2,
      plan: result.nRanks > 1 ? plan : undefined,
    },
    commit: "abc1234",
    model: null,
    shape: "tiny",
    nRanks: result.nRanks,
    bufferFloatType: "q80",
    kvCacheType: "f16",
  });
  writer.result(result);
  return printed;
}

test("the table has a line a test and one for its time", () => {
  assert.fixture(
    print("table", prefill),
    `A\\x1bB, 2 cores, avx2, commit abc1234
synthetic model of shape tiny, Q40; 1 rank, q80 buffers, f16 KV cache

test          depth threads tokens/s       min to max  weights GB/s  of read loop GB/s
prefill 64        0       2    118.5   117.9 to 118.7
  matmul 95.0%, attention 3.0%, wait 2.0%
`,
  );
});

test("the table tells what went over the network", () => {
  assert.fixture(
    print("table", decode).split("\n").slice(5).join("\n"),
    `decode 32      2000       2     0.33     0.25 to 1235         20.12      64.4% of 31.3
  matmul 50.0%, network 25.0%, JavaScript 25.0%
  a token: transfer 7.16 ms, sent 96.4 kB, received 95.2 kB
`,
  );
});

test("every format tells what several sequences gain over one", () => {
  const table = print("table", four);
  assert.match(table, /^decode 32 x 4 +2000 .*\n {2}3\.42 times one sequence; matmul 50\.0%, /m);
  const alone = print("table", { ...four, factor: null });
  assert.not.match(alone, "times one sequence");

  const [, , titles = "", , row = ""] = print("markdown", four).split("\n");
  const place = titles.split(" | ").indexOf("times one sequence");
  assert.is(row.split(" | ")[place], "3.42");

  const json: unknown = JSON.parse(print("json", four).trimEnd().split("\n").at(-1) ?? "");
  assert.ok(typeof json === "object" && json !== null);
  assert.equal([Reflect.get(json, "sequences"), Reflect.get(json, "factor")], [4, 3.4166]);
});

test("a plan tells which way partials go, and why", () => {
  assert.is(print("table", decode).split("\n")[2], planText(plan));
  assert.is(
    planText(plan),
    "plan 0123abcd (measured): all-reduce direct, scattered from 17.0 kB a partial; " +
      "split 3,1 (kept); latency 0.085 ms, 112 MB/s",
  );
  const pinned = (scatteredFromBytes: number | null): string =>
    planText({ ...plan, origin: "pinned", allReduce: { scatteredFromBytes }, measurement: null });
  assert.is(pinned(null), "plan 0123abcd (pinned): all-reduce direct; split 3,1 (kept)");
  assert.is(pinned(0), "plan 0123abcd (pinned): all-reduce scattered; split 3,1 (kept)");
});

test("markdown has a column for everything", () => {
  const [head = "", , titles = "", rule = "", row = ""] = print("markdown", decode).split("\n");
  assert.match(head, /^A\\x1bB, 2 cores.*f16 KV cache; plan 0123abcd .*MB\/s\.$/);
  const n = titles.split("|").length;
  assert.is(rule.split("|").length, n);
  assert.is(row.split("|").length, n);
  assert.match(titles, /^\| test \| depth \|.* JavaScript \| other \| transfer ms \|/);
  assert.match(row, /^\| decode 32 \| 2000 \| 2 \| 0\.33 \|.*\| 7\.16 \| 96\.4 \| 95\.2 \|$/);
});

test("json has an object a line, with numbers as numbers", () => {
  const [machine, result] = print("json", decode)
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  assert.equal(machine, {
    type: "machine",
    processor: "A\x1bB",
    isa: "avx2",
    cores: 2,
    plan,
    commit: "abc1234",
  });
  assert.equal(result, {
    type: "case",
    model: null,
    shape: "tiny",
    bufferFloatType: "q80",
    kvCacheType: "f16",
    test: "decode",
    generatedTokens: 32,
    sequences: 1,
    depth: 2000,
    nThreads: 2,
    tokenWeightBytes: 640_000_000,
    readLoopGbPerSecond: 31.25,
    nRanks: 2,
    tokensPerSecond: { median: 0.333333, minimum: 0.25, maximum: 1234.5 },
    factor: null,
    runs: [0.25, 0.333333, 1234.5],
    weightGbPerSecond: 20.1235,
    readLoopShare: 0.64395,
    times: decode.times,
    transfer: decode.transfer,
  });
});

test("rates keep three digits", () => {
  assert.equal([0.336, 9.994, 64.66, 999.94, 12_345.6].map(rate), [
    "0.34",
    "9.99",
    "64.7",
    "999.9",
    "12346",
  ]);
});

test.run();
