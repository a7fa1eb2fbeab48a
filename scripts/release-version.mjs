/**
 * Gives everything the next version: the packages by their changesets, the Rust workspace, CHANGELOG.md, and both
 * lockfiles. What is then to be reviewed and committed is in the working tree.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { run, stopChildrenOnSignals } from "./lib/children.mjs";
import { pnpm } from "./lib/pnpm.mjs";
import { withSection } from "./lib/release/changelog.mjs";
import { readChangesets } from "./lib/release/changesets.mjs";
import { withWorkspaceVersion } from "./lib/release/rust-version.mjs";
import { installed, root } from "./lib/workspace.mjs";

stopChildrenOnSignals();

const summaries = readChangesets(join(root, ".changeset"));
if (summaries.length === 0) {
  console.error("There is no changeset: `npx -y pnpm@10.34.9 changeset` makes one.");
  process.exit(1);
}
await must([installed("changeset"), "version"]);
const manifest = readFileSync(join(root, "packages/cli/package.json"), "utf8");
const { version } = JSON.parse(manifest);
const today = new Date().toISOString().slice(0, 10);
edit("CHANGELOG.md", (text) => withSection(text, { version, date: today, summaries }));
edit("Cargo.toml", (text) => withWorkspaceVersion(text, version));
await must(["cargo", "update", "--workspace", "--offline"]);
await must(pnpm("install", "--no-frozen-lockfile"));
console.log(`${version}: review, commit, and open a pull request (CONTRIBUTING.md, "Release").`);

function edit(file, change) {
  const path = join(root, file);
  writeFileSync(path, change(readFileSync(path, "utf8")));
}

async function must(command) {
  const { problem } = await run(command, { output: "stderr" });
  if (problem === undefined) return;
  console.error(`\`${command.join(" ")}\` ${problem}`);
  process.exit(1);
}
