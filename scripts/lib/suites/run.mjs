/**
 * Runs suites in two lanes, each in the order of the table: those that compute, one after another, because each uses
 * all cores; and beside them, one after another as well, those that mostly wait.
 */

import { withCpuTime } from "../cpu-time.mjs";
import { failed, skipped } from "./outcome.mjs";

/**
 * @param {import("./table.mjs").Suite[]} suites of which each stands after those that it needs
 * @param {{ quick: boolean, names: string[] }} options `names` are the suites that were asked for by name
 * @param {ReturnType<typeof import("./report.mjs").createReport>} report
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function runSuites(suites, options, report) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const time = { start: performance.now(), cpuSeconds: 0 };

  const run = async (suite, needed) => {
    const start = performance.now();
    report.begin(suite.name);
    const { result, cpuSeconds } = await withCpuTime(() => outcomeOf(suite, needed, options));
    report.end(suite.name, result, { seconds: secondsSince(start), cpuSeconds });
    for (const kind of Object.keys(total)) total[kind] += result[kind];
    time.cpuSeconds += cpuSeconds;
    return result;
  };

  const lanes = { compute: Promise.resolve(), wait: Promise.resolve() };
  const ended = new Map();
  for (const suite of suites) {
    const lane = suite.waits ? "wait" : "compute";
    const needs = (suite.needs ?? []).map(async (name) => ({
      name,
      outcome: await ended.get(name),
    }));
    const outcome = Promise.all([lanes[lane], ...needs]).then(([, ...needed]) =>
      run(suite, needed),
    );
    lanes[lane] = outcome;
    ended.set(suite.name, outcome);
  }
  await Promise.all(ended.values());

  const own = process.cpuUsage();
  time.cpuSeconds += (own.user + own.system) / 1e6;
  report.sum(total, { seconds: secondsSince(time.start), cpuSeconds: time.cpuSeconds });
  return total;
}

/** @returns {Promise<import("./outcome.mjs").Outcome>} */
async function outcomeOf(suite, needed, options) {
  const missing = needed.find(({ outcome }) => outcome.failed > 0);
  if (missing) return failed(`Not run, because ${missing.name} has failed.`);
  const whyNot = options.names.includes(suite.name) ? undefined : suite.whyNot?.();
  if (whyNot) return skipped(whyNot);
  return suite.run(options).catch((error) => failed(error.stack));
}

const secondsSince = (start) => (performance.now() - start) / 1000;
