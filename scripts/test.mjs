/**
 * `pnpm test` runs everything, `pnpm check` (`--check`) what is quick enough between two commits.
 * Names of suites as arguments run these alone: `pnpm test core layers`.
 */

import { stopChildrenOnSignals } from "./lib/children.mjs";
import { createReport } from "./lib/suites/report.mjs";
import { runSuites } from "./lib/suites/run.mjs";
import { suites } from "./lib/suites/table.mjs";

const names = process.argv.slice(2).filter((arg) => arg !== "--check");
const quick = process.argv.includes("--check");
const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  const known = suites.map((suite) => suite.name).join(", ");
  console.error(`There is no suite ${unknown.join(", ")}; these are: ${known}.`);
  process.exit(2);
}
// What suites need is built in any case.
const isChosen = ({ name, isQuick }) =>
  names.length > 0 ? name === "build" || names.includes(name) : isQuick || !quick;

// Children write to pipes; this tells those that colour even there.
process.env.NO_COLOR ??= "1";

stopChildrenOnSignals();
const chosen = suites.filter(isChosen);
const nameWidth = Math.max(...chosen.map((suite) => suite.name.length));
const total = await runSuites(chosen, { quick }, createReport(process.stdout, nameWidth));
process.exitCode = total.failed > 0 ? 1 : 0;
