import { test } from "uvu";
import * as assert from "uvu/assert";

import { countLibtest, runLibtest } from "../lib/suites/libtest.mjs";

/** As cargo 1.95 prints it: a library with a wrong test, a test program that aborts, and doc tests. */
const MIXED = `
running 3 tests
i. 2/3
tests::wrong --- FAILED

failures:
    tests::wrong

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.07s


running 1 test

running 1 test
.
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

all doctests ran in 0.15s; merged doctests compilation took 0.15s
error: test failed, to rerun pass \`--lib\`
error: test failed, to rerun pass \`--test dies\`

Caused by:
  process didn't exit successfully: \`target/debug/deps/dies-b55bbc56c581bdb2 --quiet\` (signal: 6, SIGABRT: process abort signal)
error: 2 targets failed:
    \`--lib\`
    \`--test dies\`
`;

const print = (text, exitCode) => ["sh", "-c", 'printf "%s" "$1"; exit $2', "sh", text, exitCode];

test("adds up test programs, with a crash as a failure", () => {
  assert.equal(countLibtest(MIXED), { passed: 2, failed: 2, skipped: 1 });
});

test("an error of the compiler is a failure", async () => {
  const outcome = await runLibtest(print("error: could not compile", 101), 5000);
  assert.is(outcome.failed, 1);
  assert.match(outcome.details, "could not compile");
});

test("no test at all is a failure", async () => {
  const none = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out;\n";
  const outcome = await runLibtest(print(none, 0), 5000);
  assert.is(outcome.failed, 1);
  assert.match(outcome.details, "ran no test");
});

test("exit code 75 skips, unless the environment requires the instruction set", async () => {
  const command = print("no qemu", 75);
  process.env.REQUIRE_ISA = "avx2";
  const skipped = await runLibtest(command, 5000, "neon");
  assert.equal(skipped, { passed: 0, failed: 0, skipped: 1, reason: "no qemu" });

  process.env.REQUIRE_ISA = "avx2,neon";
  const required = await runLibtest(command, 5000, "neon");
  assert.is(required.failed, 1);
  assert.match(required.details, "no qemu");

  process.env.REQUIRE_EMULATED_ISA = "avx512vnni";
  const emulated = await runLibtest(print("no Bochs", 75), 5000, "avx512vnni");
  assert.match(emulated.details, "REQUIRE_EMULATED_ISA asks for avx512vnni: no Bochs");
});

test.run();
