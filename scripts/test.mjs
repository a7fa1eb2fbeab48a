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
const isChosen = ({ name, isQuick }) =>
  names.length > 0 ? names.includes(name) : isQuick || !quick;

// Children write to pipes; this tells those that colour even there.
process.env.NO_COLOR ??= "1";

stopChildrenOnSignals();
const needed = new Set(suites.filter(isChosen).flatMap((suite) => suite.needs ?? []));
const chosen = suites.filter((suite) => isChosen(suite) || needed.has(suite.name));
const report = createReport(
  process.stdout,
  chosen.map((suite) => suite.name),
);
const total = await runSuites(chosen, { quick, names }, report);
process.exitCode = total.failed > 0 ? 1 : 0;
