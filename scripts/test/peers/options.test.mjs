import { test } from "uvu";
import * as assert from "uvu/assert";

import { HELP, readOptions } from "../../lib/peers/options.mjs";

test("without flags it is what the documents say", () => {
  const { folder, ...options } = readOptions([]);
  assert.match(folder, /dllama-bench-peers$/u);
  assert.equal(options, {
    help: false,
    shapes: ["llama2-7b", "tinyllama-1.1b"],
    tests: ["prefill", "decode"],
    nThreads: [1, 2],
    rounds: 5,
    promptTokens: [64, 512],
    generatedTokens: [32],
    depths: [0, 2000],
    peers: ["same", "best"],
    format: "table",
  });
});

test("lists are read, each item once, and pnpm's -- is no flag", () => {
  const options = readOptions(["--", "--nthreads", "2, 1,2", "--depth=0", "--tests", "decode"]);
  assert.equal(options.nThreads, [2, 1]);
  assert.equal(options.depths, [0]);
  assert.equal(options.tests, ["decode"]);
});

for (const [args, expected] of [
  [["--shapes", "gpt"], /--shapes of llama2-7b, .*got "gpt"/u],
  [["--rounds", "0"], /--rounds of 1 to \d+, got "0"/u],
  [["--nthreads", "1,x"], /--nthreads of 1 to \d+, got "x"/u],
  [["--prompt-tokens", "1.5"], /--prompt-tokens .*got "1\.5"/u],
  [["--depth", ""], /--depth of 0 to \d+, got ""/u],
  [["--format", "xml"], /--format of table, markdown, json, got "xml"/u],
  [["--frobnicate"], /--frobnicate/u],
]) {
  test(`${args.join(" ")} is refused, with the way to the help`, () => {
    assert.throws(
      () => readOptions(args),
      (error) =>
        error.code === "USAGE" && expected.test(error.message) && error.message.includes("--help"),
    );
  });
}

test("help names every flag", () => {
  assert.is(readOptions(["--help"]).help, true);
  for (const flag of ["shapes", "tests", "nthreads", "rounds", "depth", "peers", "folder"]) {
    assert.match(HELP, `--${flag}`);
  }
});

test.run();
