/**
 * uvu suites: a folder of test files, each run as a process of its own. A file that forgets
 * `test.run()` runs nothing and ends with exit code 0, so what counts is the summary it prints.
 */

import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

import { run } from "../children.mjs";
import { temporaryFolder } from "../peers/temporary-folders.mjs";
import { root } from "../workspace.mjs";
import { failed } from "./outcome.mjs";

/** Test files that run side by side: more would only make them slow on two cores. */
const CONCURRENCY = 2;
/** Nothing may hang for ever; the slowest file, with eight ranks on one core, takes a third of it. */
const TIMEOUT_MS = 600_000;

const SUMMARY = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)\n/gm;

/**
 * @param {string} folder
 * @param {(file: string) => boolean} [selects] by the path within the folder. Defaults to all files
 * @returns {Promise<import("./outcome.mjs").Outcome>}
 */
export async function runUvu(folder, selects = () => true) {
  const all = findTests(folder);
  if (all.length === 0) return failed(`${relative(root, folder)} has no test files.`);

  const outcomes = [];
  const files = all.filter(selects);
  const runNext = async () => {
    for (let file = files.shift(); file; file = files.shift()) {
      outcomes.push(await runFile(join(folder, file)));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, runNext));
  return outcomes.reduce(add, { passed: 0, failed: 0, skipped: 0, details: "" });
}

function findTests(folder) {
  try {
    const entries = readdirSync(folder, { recursive: true });
    return entries.filter((entry) => /\.test\.m?[jt]s$/.test(entry)).toSorted();
  } catch {
    return [];
  }
}

let home;

async function runFile(path) {
  const command = [process.execPath, "-C", "dllama-source", "--import", "tsx", path];
  // Tests keep nothing in the folders of whoever runs them, and find nothing there.
  home ??= temporaryFolder(join(tmpdir(), "dllama-test-home-"));
  const env = { XDG_CACHE_HOME: join(home, "cache"), XDG_CONFIG_HOME: join(home, "config") };
  const result = await run(command, { timeoutMs: TIMEOUT_MS, env });
  const { problem, ...counts } = judgeUvu(result);
  if (counts.failed === 0) return counts;
  const name = relative(root, path);
  return { ...counts, details: `${name}${problem ? `: ${problem}` : ""}\n${result.output}\n` };
}

/**
 * @param {{ stdout: string, problem?: string }} result of a test file's process
 * @returns {{ passed: number, failed: number, skipped: number, problem?: string }} `problem` is what
 *   the counts of the file itself do not say
 */
export function judgeUvu({ stdout, problem }) {
  const summary = [...stdout.matchAll(SUMMARY)].at(-1);
  if (!summary) {
    const none = { passed: 0, failed: 1, skipped: 0 };
    return { ...none, problem: problem ?? "printed no summary: does it end in test.run()?" };
  }
  const [total, nPassed, nSkipped] = summary.slice(1).map(Number);
  const counts = { passed: nPassed, failed: total - nPassed, skipped: nSkipped };
  if (counts.failed > 0) return counts;
  if (problem) return { ...counts, failed: 1, problem };
  if (total === 0) return { ...counts, failed: 1, problem: "has no tests" };
  return counts;
}

function add(a, b) {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    details: a.details + (b.details ?? ""),
  };
}
