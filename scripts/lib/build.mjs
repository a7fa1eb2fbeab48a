/** Brings installation, addon and JavaScript up to date, and does nothing, quickly, if they are. */

import { join } from "node:path";

import { buildSteps } from "./build-steps.mjs";
import { run } from "./children.mjs";
import { withLock } from "./lock.mjs";
import { missingNode } from "./requirements.mjs";
import { fingerprint, readStamp, removeStamp, writeStamp } from "./stamp.mjs";
import { root, stateFolder } from "./workspace.mjs";

/**
 * @param {object} options
 * @param {(line: string) => void} options.say gets a line for each thing that takes time
 * @param {"stderr" | "capture"} options.output where the output of compilers goes: to our stderr as it
 *   comes, or into the returned text
 * @returns {Promise<string | undefined>} why it failed
 */
export async function bringUpToDate({ say, output }) {
  return missingNode() ?? build(buildSteps, { say, output });
}

/**
 * @param {import("./build-steps.mjs").BuildStep[]} steps
 * @param {Parameters<typeof bringUpToDate>[0]} options
 * @param {string} [folder] where the stamps are
 */
export async function build(steps, { say, output }, folder = stateFolder) {
  const stampOf = (step) => join(folder, `${step.name}.stamp`);
  const isStale = (step) =>
    !step.isThere() || readStamp(stampOf(step)) !== fingerprint(root, step.inputs);

  const perform = async (step) => {
    say(`${step.says} ...`);
    // Taken before the step begins: a source that is edited meanwhile makes the step stale again.
    const inputs = fingerprint(root, step.inputs);
    removeStamp(stampOf(step));
    step.prepare?.();
    const ended = await run(step.command(), { output });
    if (ended.problem) return `${ended.output}${step.says} failed: it ${ended.problem}.`;
    writeStamp(stampOf(step), inputs);
    return undefined;
  };

  const performAll = async () => {
    // Asked first: nobody should wait for the packages to learn that Rust is missing.
    for (const step of steps.filter(isStale)) {
      const missing = step.missing?.();
      if (missing) return missing;
    }
    for (const step of steps) {
      // Asked again, because an earlier step may have changed this one's inputs.
      const problem = isStale(step) ? await perform(step) : undefined;
      if (problem) return problem;
    }
    return undefined;
  };

  if (!steps.some(isStale)) return undefined;
  const onWait = (pid) => say(`Waiting for the build that process ${pid} runs ...`);
  return withLock(join(folder, "build.lock"), onWait, performAll);
}
