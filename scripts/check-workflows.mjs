/**
 * The GitHub workflows, the issue forms and the compose file against their schemas (check-jsonschema), and the workflows
 * for what an attacker could use (zizmor, without asking the network). Both programs are Python's, in the versions that
 * `.ci/run` installs into `target/python`. Exits 75 without them, or fails if `REQUIRE_WORKFLOW_CHECKS` asks for them.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { run } from "./lib/children.mjs";
import { CANNOT_RUN_HERE } from "./lib/suites/outcome.mjs";
import { root } from "./lib/workspace.mjs";

const FULL_HASH = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;

const bin = join(root, "target/python/bin");
const missing = ["zizmor", "check-jsonschema"].filter((name) => !existsSync(join(bin, name)));
if (missing.length > 0) {
  const isRequired = Boolean(process.env.REQUIRE_WORKFLOW_CHECKS);
  const how =
    "`.ci/run` installs it, or: python3 -m venv target/python && target/python/bin/pip install -r .ci/python.txt";
  console.log(
    `check-workflows: ${isRequired ? "asked for, but" : "skipped:"} ${missing.join(" and ")} missing; ${how}`,
  );
  process.exit(isRequired ? 1 : CANNOT_RUN_HERE);
}

const inFolder = (folder) =>
  readdirSync(join(root, folder)).map((name) => join(root, folder, name));
const workflows = inFolder(".github/workflows");
const forms = inFolder(".github/ISSUE_TEMPLATE").filter((file) => !file.endsWith("config.yml"));

const schema = (name, files) => [join(bin, "check-jsonschema"), "--builtin-schema", name, ...files];
const checks = [
  schema("vendor.github-workflows", workflows),
  schema("vendor.github-issue-forms", forms),
  schema("vendor.github-issue-config", [join(root, ".github/ISSUE_TEMPLATE/config.yml")]),
  schema("vendor.compose-spec", [join(root, "deploy/docker/compose.yaml")]),
  [join(bin, "zizmor"), "--offline", "--no-progress", "--persona=pedantic", ...workflows],
];
for (const command of checks) {
  const { problem, output } = await run(command);
  if (problem === undefined) continue;
  console.log(`${command[0].slice(bin.length + 1)} ${problem}:\n${output}`);
  process.exitCode = 1;
}

for (const file of workflows) {
  for (const [, action] of readFileSync(file, "utf8").matchAll(/^\s*(?:- )?uses: (.+)$/gm)) {
    if (FULL_HASH.test(action)) continue;
    console.log(`${file}: expected an action as NAME@FULL_HASH # vX.Y.Z, got ${action}`);
    process.exitCode = 1;
  }
}
