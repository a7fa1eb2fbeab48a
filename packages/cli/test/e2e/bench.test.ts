/** `dllama bench` on a synthetic model: what it prints, and what it leaves behind. */

import { mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { embeddedModelPath } from "@dllama/core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dllama, folder, jsonLines, Program, startWorker } from "./harness.ts";

const quick = ["-p", "3,70", "-n", "4", "--runs", "2", "--nthreads", "1"];

/** A run with a temporary folder of its own, and what that holds at the end. */
function inOwnFolder(args: string[]): { program: Program; left: () => string[] } {
  const temporary = mkdtempSync(join(folder, "bench-"));
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = temporary;
  const program = new Program(["bench", ...args]);
  if (before === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = before;
  return { program, left: () => readdirSync(temporary) };
}

function numberOf(value: unknown, ...keys: string[]): number {
  let inner: unknown = value;
  for (const key of keys) {
    inner = typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined;
  }
  assert.ok(
    typeof inner === "number" && Number.isFinite(inner),
    `${keys.join(".")}: ${String(inner)}`,
  );
  return inner;
}

test("json: the machine, then each test at each depth, and nothing is left", async () => {
  const args = ["--shape", "tiny", ...quick, "--depth", "0,600", "--format", "json"];
  const { program, left } = inOwnFolder(args);
  const { code, stdout, stderr } = await program.ended;
  assert.is(code, 0, stderr);
  assert.equal(left(), []);
  const [machine, ...cases] = jsonLines(stdout);
  assert.is(machine?.["type"], "machine");
  assert.ok(numberOf(machine, "cores") >= 1);
  assert.type(machine?.["isa"], "string");
  assert.equal(
    cases.map((c) => [c["type"], c["test"], c["promptTokens"] ?? c["generatedTokens"], c["depth"]]),
    [0, 600].flatMap((depth) => [
      ["case", "prefill", 3, depth],
      ["case", "prefill", 70, depth],
      ["case", "decode", 4, depth],
    ]),
  );
  for (const result of cases) {
    assert.equal(
      [result["model"], result["shape"], result["nThreads"], result["nRanks"]],
      [null, "tiny", 1, 1],
    );
    const rate = (key: string): number => numberOf(result, "tokensPerSecond", key);
    assert.ok(rate("minimum") > 0 && rate("minimum") <= rate("median"));
    assert.ok(rate("median") <= rate("maximum"));
    assert.ok(Array.isArray(result["runs"]) && result["runs"].length === 2);
    assert.ok(numberOf(result, "readLoopGbPerSecond") > 0);
    const kinds = "matmul attention norm wait network sampling javaScript other".split(" ");
    const sum = kinds.reduce((total, kind) => total + numberOf(result, "times", kind), 0);
    // Parts are rounded to six digits each.
    assert.ok(Math.abs(sum - 1) < 1e-4, `${sum}`);
    assert.is(numberOf(result, "times", "network"), 0);
    assert.not.ok("transfer" in result);
    const isDecode = result["test"] === "decode";
    for (const key of ["weightGbPerSecond", "readLoopShare"]) {
      if (isDecode) assert.ok(numberOf(result, key) > 0);
      else assert.is(result[key], null);
    }
  }
});

test("a model and each number of threads, as a table", async () => {
  const args = ["-m", embeddedModelPath, "-p", "0", "-n", "2", "-r", "1", "-t", "1,2", "-d", "100"];
  const { program, left } = inOwnFolder(args);
  const { code, stdout, stderr } = await program.ended;
  assert.is(code, 0, stderr);
  assert.equal(left(), []);
  assert.match(stdout, /^decode 2 +100 +1 .*\n {2}matmul .*\ndecode 2 +100 +2 .*\n {2}matmul /m);
  assert.match(stderr, /^Decode of 2 tokens at depth 100, 2 threads$/m);
});

test("several sequences are tests of their own, compared with one", async () => {
  const args = ["--shape", "tiny", "-p", "0", "-n", "4", "-r", "1", "-t", "1", "-d", "70"];
  const format = ["--format", "json", "--quiet"];
  const { code, stdout, stderr } = await dllama([
    "bench",
    ...args,
    "--sequences",
    "2,1",
    ...format,
  ]);
  assert.is(code, 0, stderr);
  const [one, two, ...others] = jsonLines(stdout).slice(1);
  assert.equal(others, []);
  assert.equal([one?.["sequences"], two?.["sequences"]], [1, 2]);
  assert.is(one?.["factor"], null);
  const rate = (result: unknown): number => numberOf(result, "tokensPerSecond", "median");
  // Six digits each.
  assert.ok(Math.abs(numberOf(two, "factor") / (rate(two) / rate(one)) - 1) < 1e-4);
  // Both sequences together read the weights once.
  const weights = (numberOf(two, "tokenWeightBytes") * rate(two)) / 2 / 1e9;
  assert.ok(Math.abs(numberOf(two, "weightGbPerSecond") / weights - 1) < 1e-4);
});

test("workers: the network has a part of the time, and bytes are counted", async () => {
  const worker = await startWorker();
  const args = ["bench", "--shape", "tiny", ...quick, "--format", "json", "--quiet"];
  const { code, stdout, stderr } = await dllama([...args, "--workers", worker.address]);
  worker.program.kill("SIGTERM");
  await worker.program.ended;
  assert.is(code, 0, stderr);
  const [machine, ...cases] = jsonLines(stdout);
  assert.ok(numberOf(machine, "plan", "measurement", "latencyMs") > 0);
  assert.ok(numberOf(machine, "plan", "measurement", "bytesPerSecond") > 0);
  assert.is(cases.length, 3);
  for (const result of cases) {
    assert.is(result["nRanks"], 2);
    assert.ok(numberOf(result, "times", "network") > 0);
    for (const key of ["msPerToken", "sentBytesPerToken", "receivedBytesPerToken"]) {
      assert.ok(numberOf(result, "transfer", key) > 0, key);
    }
  }
});

test("a pinned way to sums is told in the table, and nothing is measured for it", async () => {
  const worker = await startWorker();
  const tiny = ["bench", "--shape", "tiny", "-p", "0", "-n", "2", "-r", "1", "-t", "1"];
  const pinned = ["--all-reduce", "scattered", "--split", "equal", "--workers", worker.address];
  const { code, stdout, stderr } = await dllama([...tiny, ...pinned]);
  worker.program.kill("SIGTERM");
  await worker.program.ended;
  assert.is(code, 0, stderr);
  assert.match(
    stdout,
    /^plan [0-9a-f]{8} \(pinned\): all-reduce scattered; split 1,1 \(pinned\)$/m,
  );
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`${signal} leaves no model behind and keeps what was printed`, async () => {
    const args = ["--shape", "tiny", "-p", "8", "-n", "400", "-r", "1000", "-t", "1"];
    const { program, left } = inOwnFolder(args);
    await program.printed("stdout", /^prefill 8 /m);
    assert.is(left().length, 1);
    program.kill(signal);
    const ended = await program.ended;
    assert.is(ended.code, code);
    assert.match(ended.stdout, /^prefill 8 /m);
    assert.equal(left(), []);
  });
}

const refused: [string[], number, RegExp][] = [
  [["--shape", "tiny", "--model", "a.gguf"], 2, /^error: --model and --shape exclude each other\n/],
  [["-p", "0", "-n", "0"], 2, /^error: --prompt-tokens 0 and --generated-tokens 0 /],
  [["--shape", "tny"], 2, /hint: Did you mean tiny\?/],
  [["-m", "none.gguf"], 1, /^error: none\.gguf: expected .*there is no file of this name/],
  [
    ["-m", embeddedModelPath, "-d", "2000", "--quiet"],
    2,
    /fit the model's 512 positions, got 2513 together\nhint: Lower --depth/,
  ],
];

for (const [args, exitCode, expected] of refused) {
  test(`bench ${args.join(" ")} is refused`, async () => {
    const { program, left } = inOwnFolder(args);
    const { code, stdout, stderr } = await program.ended;
    assert.is(code, exitCode);
    assert.is(stdout, "");
    assert.match(stderr, expected);
    assert.equal(left(), []);
  });
}

test.run();
