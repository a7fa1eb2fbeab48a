import { test } from "uvu";
import * as assert from "uvu/assert";
import { jsonWriter } from "../src/output/json.ts";
import { reportWriter } from "../src/output/report.ts";
import { textWriter } from "../src/output/text.ts";
import { printRun, shared } from "./fixed-run.ts";

test("the report has a line for the prompt and for each token, then averages", () => {
  assert.is(
    printRun(reportWriter),
    [
      "⏩ Loaded 1056768 bytes",
      "🔷 G  412 ms I  400 ms T   12 ms S    272 kB R    273 kB Say\\n",
      "🔶 G  412 ms I  400 ms T   12 ms S    272 kB R    273 kB  Hello",
      "🔶 G    0 ms I  400 ms T   12 ms S    272 kB R    273 kB \\n\\x1b[2J",
      "Prompt tokens:       3",
      "Generated tokens:    2",
      "Avg generation time: 412.35 ms",
      "Avg inference time:  400.00 ms",
      "Avg transfer time:   12.25 ms",
      "Avg sent:            272 kB",
      "Avg received:        273 kB",
      "Prompt speed:        7.28 tokens/s",
      "Generation speed:    2.43 tokens/s",
      "Stopped by:          steps",
      "",
    ].join("\n"),
  );
});

test("the report names text that no token's line has", () => {
  assert.match(printRun(reportWriter, { tail: "\ufffd" }), /^Left over: {11}\ufffd$/m);
});

test("the report has a line for each of several ranks, and what is worth knowing", () => {
  const lines = printRun(reportWriter, { more: shared }).trimEnd().split("\n");
  assert.equal(lines.slice(-4), [
    "rank  address        computes    waits  network    sent  received  weights",
    "   0  this device    12.35 ms  0.25 ms  9.50 ms  2.0 kB    1.0 kB     50 %",
    "   1  10.0.0.2:9998  20.00 ms  0.00 ms  1.75 ms  1.0 kB    2.0 kB     50 %",
    "Rank 1 (10.0.0.2:9998) was slowed down: its firmware throttled it; 82 °C now.",
  ]);
});

test("json has the ranks' figures as fields", () => {
  const last = printRun(jsonWriter, { more: shared }).trimEnd().split("\n").at(-1) ?? "";
  const { ranks, advice } = JSON.parse(last);
  assert.equal(
    ranks.map(({ computeMs, sentBytes }: Record<string, number>) => [computeMs, sentBytes]),
    [
      [12.346, 2049],
      [20, 1024],
    ],
  );
  assert.is(ranks[1].host.celsius, 82);
  assert.equal(ranks[1].throttling, shared.ranks[1]?.throttling);
  assert.equal(advice, shared.advice);
});

test("text in a pipe is exact", () => {
  assert.is(printRun(textWriter), " Hello\n\x1b[2J");
  assert.is(printRun(textWriter, { echo: true, tail: "\ufffd" }), "Say\n Hello\n\x1b[2J\ufffd");
});

test("text on a terminal does not steer it and ends its line", () => {
  assert.is(printRun(textWriter, { isTerminal: true }), " Hello\n\\x1b[2J\n");
});

test("json is an object a line, the summary last", () => {
  const objects = printRun(jsonWriter)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const figures = {
    generationMs: 412.346,
    inferenceMs: 400,
    transferMs: 12.25,
    sentBytes: 278528,
    receivedBytes: 279128,
  };
  assert.equal(objects, [
    {
      type: "start",
      model: "/models/llama.gguf",
      worldSize: 2,
      nthreads: 4,
      isa: "avx2",
      seed: 42,
      bufferFloatType: "q80",
      kvCacheType: "f16",
    },
    { type: "prompt", tokens: 3, ...figures },
    { type: "token", id: 15043, text: " Hello", ...figures },
    { type: "token", id: 13, text: "\n\x1b[2J", ...figures, generationMs: 0.4 },
    {
      type: "summary",
      promptTokens: 3,
      generatedTokens: 2,
      prefillTokensPerSecond: 7.277,
      decodeTokensPerSecond: 2.425,
      stopReason: "steps",
    },
  ]);
});

test("json tells the text of bytes that were no whole character", () => {
  const last = printRun(jsonWriter, { tail: "\ufffd" }).trimEnd().split("\n").at(-1) ?? "";
  assert.is(JSON.parse(last).tail, "\ufffd");
});

test.run();
