/** What a release's script writes into CHANGELOG.md and Cargo.toml. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { withSection } from "../../lib/release/changelog.mjs";
import { readChangesets } from "../../lib/release/changesets.mjs";
import { withWorkspaceVersion } from "../../lib/release/rust-version.mjs";
import { root } from "../../lib/workspace.mjs";

const release = (version, summaries) => ({ version, date: "2026-12-01", summaries });

test("the newest release stands first, each change is an item", () => {
  const first = withSection("# Changes\n\nIntro.\n", release("0.2.0", ["One.", "Two\nlines."]));
  assert.is(first, "# Changes\n\nIntro.\n\n## 0.2.0 (2026-12-01)\n\n- One.\n- Two\n  lines.\n");
  const second = withSection(first, release("0.3.0", ["Three."]));
  const headings = second.match(/^## .*$/gm);
  assert.equal(headings, ["## 0.3.0 (2026-12-01)", "## 0.2.0 (2026-12-01)"]);
  assert.throws(() => withSection(second, release("0.2.0", ["Again."])), /already/);
});

test("a changeset is its text without the packages", () => {
  const folder = mkdtempSync(join(tmpdir(), "dllama-changesets-"));
  try {
    writeFileSync(join(folder, "README.md"), "no changeset\n");
    writeFileSync(join(folder, "b.md"), '---\r\n"@dllama/cli": patch\r\n---\r\n\r\nLater.\r\n');
    writeFileSync(join(folder, "a.md"), '---\n"@dllama/cli": minor\n---\n\nFirst.\n\nMore.\n');
    assert.equal(readChangesets(folder), ["First.\n\nMore.", "Later."]);
    writeFileSync(join(folder, "c.md"), "no packages\n");
    assert.throws(() => readChangesets(folder), /c\.md: expected packages/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the Rust workspace gets the version, its dependencies do not", () => {
  const manifest = readFileSync(join(root, "Cargo.toml"), "utf8");
  const changed = withWorkspaceVersion(manifest, "9.8.7");
  assert.is(changed.split("9.8.7").length, 2);
  assert.match(changed, /^\[workspace\.package\]\nversion = "9\.8\.7"$/m);
  assert.throws(() => withWorkspaceVersion("[package]\n", "1.0.0"), /expected/);
});

test.run();
