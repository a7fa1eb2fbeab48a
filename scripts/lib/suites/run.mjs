/** Runs suites one after another: each may use all cores, and its output stays in one piece. */

import { failed } from "./outcome.mjs";

/**
 * @param {import("./table.mjs").Suite[]} suites
 * @param {{ quick: boolean }} options
 * @param {ReturnType<typeof import("./report.mjs").createReport>} report
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function runSuites(suites, options, report) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  let isBuilt = true;
  for (const suite of suites) {
    report.begin(suite.name);
    const start = performance.now();
    const outcome =
      suite.needsBuild && !isBuilt
        ? failed("Not run, because the build has failed.")
        : await suite.run(options).catch((error) => failed(error.stack));
    report.end(suite.name, outcome, performance.now() - start);
    if (suite.name === "build") isBuilt = outcome.failed === 0;
    for (const kind of Object.keys(total)) total[kind] += outcome[kind];
  }
  report.sum(total);
  return total;
}
