/**
 * What a suite came to. A suite that counts nothing itself, such as a formatter, counts as one.
 *
 * @typedef {object} Outcome
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string} [details] shown if something failed
 * @property {string} [reason] why all of it was skipped
 */

import { basename } from "node:path";

import { run } from "../children.mjs";

/** @returns {Outcome} */
export const passed = () => ({ passed: 1, failed: 0, skipped: 0 });

/** @returns {Outcome} */
export const failed = (details) => ({ passed: 0, failed: 1, skipped: 0, details });

/** @returns {Outcome} */
export const skipped = (reason) => ({ passed: 0, failed: 0, skipped: 1, reason });

/** With this a script says that the machine lacks what its tests need (sysexits' EX_TEMPFAIL). */
export const CANNOT_RUN_HERE = 75;

/**
 * A program that says yes or no, or that this machine cannot tell.
 *
 * @param {string[]} command
 * @param {number} timeoutMs
 * @returns {Promise<Outcome>}
 */
export async function runCheck(command, timeoutMs) {
  const { exitCode, problem, output } = await run(command, { timeoutMs });
  if (exitCode === CANNOT_RUN_HERE) return skipped(output.trim());
  return problem ? failed(`${output}\n${basename(command[0])} ${problem}.`) : passed();
}
