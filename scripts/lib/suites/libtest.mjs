/** Rust tests: `cargo test` and what runs it. */

import { basename } from "node:path";

import { run } from "../children.mjs";
import { askedBy } from "./emulated.mjs";
import { CANNOT_RUN_HERE, failed, skipped } from "./outcome.mjs";

const RESULT = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/gm;

/** cargo prints this for a test program that ended in no orderly way, and so printed no result. */
const CRASH = /^ {2}process didn't exit successfully: /gm;

/** Adds up the last lines of all test programs; a crashed one counts as one failure. */
export function countLibtest(output) {
  const sum = { passed: 0, failed: [...output.matchAll(CRASH)].length, skipped: 0 };
  for (const [, nPassed, nFailed, nIgnored] of output.matchAll(RESULT)) {
    sum.passed += Number(nPassed);
    sum.failed += Number(nFailed);
    sum.skipped += Number(nIgnored);
  }
  return sum;
}

/**
 * @param {string[]} command
 * @param {number} timeoutMs
 * @param {string} [isa] the instruction set that the command emulates, whose tests must not be skipped if somebody
 *   asks for it
 * @returns {Promise<import("./outcome.mjs").Outcome>}
 */
export async function runLibtest(command, timeoutMs, isa) {
  const { exitCode, problem, output } = await run(command, { timeoutMs });
  if (exitCode === CANNOT_RUN_HERE) {
    const reason = output.trim();
    const by = askedBy(isa);
    return by === undefined ? skipped(reason) : failed(`${by} asks for ${isa}: ${reason}`);
  }
  const counts = countLibtest(output);
  const details = `${output}\n${basename(command[0])} ${problem ?? "ended, and ran no test"}.`;
  // An error of the compiler fails without a count.
  if (problem && counts.failed === 0) return { ...counts, failed: 1, details };
  if (counts.passed + counts.failed === 0) return failed(details);
  return { ...counts, details };
}
