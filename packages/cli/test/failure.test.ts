import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync } from "node:fs";
import { DllamaError } from "@dllama/core";
import { UsageError } from "../src/args/usage-error.ts";
import { describeFailure } from "../src/output/failure.ts";

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

test("wrong use is 2, whoever notices it", () => {
  const hint = "Did you mean --steps?";
  assert.equal(describeFailure(new UsageError("unknown flag --stepz", hint)), {
    message: "unknown flag --stepz",
    hint,
    exitCode: 2,
  });
  assert.is(describeFailure(new DllamaError("INVALID_ARGUMENT", "maxSeqLen")).exitCode, 2);
});

test("what needed a file, the network or the model is 1, with message and hint", () => {
  const error = new DllamaError("FILE_NOT_FOUND", "no a.gguf", { hint: "Check the path." });
  const expected = { message: "no a.gguf", hint: "Check the path.", exitCode: 1 };
  assert.equal(describeFailure(error), expected);
  assert.is(describeFailure(new DllamaError("PEER_LOST", "rank 1")).exitCode, 1);
});

test("a system error speaks for itself, everything else is called a fault", () => {
  const missing = describeFailure(thrownBy(() => readFileSync("/no/such/file")));
  assert.match(missing.message, /^ENOENT: .*\/no\/such\/file/);
  assert.is(missing.hint, undefined);
  assert.is(missing.exitCode, 1);

  const fault = describeFailure(new TypeError("x is not a function"));
  assert.is(fault.message, "unexpected: x is not a function");
  assert.match(fault.hint ?? "", /--verbose/);
  assert.is(fault.exitCode, 1);
  assert.is(describeFailure("thrown text").message, "unexpected: thrown text");
});

test.run();
