/**
 * Everything that `pnpm test` runs, in this order.
 *
 * @typedef {object} Suite
 * @property {string} name
 * @property {boolean} [isQuick] part of `pnpm check`, too
 * @property {boolean} [needsBuild] fails unheard if the build has failed
 * @property {(options: { quick: boolean }) => Promise<import("./outcome.mjs").Outcome>} run
 */

import { join } from "node:path";

import { bringUpToDate } from "../build.mjs";
import { installed, packages, root } from "../workspace.mjs";
import { runLibtest } from "./libtest.mjs";
import { failed, passed, runCheck } from "./outcome.mjs";
import { runUvu } from "./uvu.mjs";

/** A cold compilation of everything takes a quarter of it on two cores. */
const CARGO_TIMEOUT_MS = 600_000;
const CHECK_TIMEOUT_MS = 120_000;
/** Thousands of connections, or runs over slow links. */
const NETWORK_TIMEOUT_MS = 400_000;
/** Bochs takes some minutes of its own time, and the machine may be busy. */
const EMULATION_TIMEOUT_MS = 1_500_000;

/** Everything, with what tests alone use: one choice for all commands, which so share what they compile. */
const WORKSPACE = ["--workspace", "--features", "dllama-bindings/panic-points"];

const cargo = (...args) => ["cargo", ...args];
const node = (script, ...args) => [process.execPath, join(root, "scripts", script), ...args];
const check = (command) => () => runCheck(command, CHECK_TIMEOUT_MS);

const isEndToEnd = (file) => file.startsWith("e2e");

/** @type {Suite[]} */
export const suites = [
  { name: "build", isQuick: true, run: build },
  {
    name: "rustfmt",
    isQuick: true,
    run: check(cargo("fmt", "--all", "--check", "--", "--color", "never")),
  },
  {
    name: "clippy",
    isQuick: true,
    run: () =>
      runCheck(
        cargo(
          "clippy",
          "--quiet",
          "--locked",
          ...WORKSPACE,
          "--all-targets",
          "--",
          "-D",
          "warnings",
        ),
        CARGO_TIMEOUT_MS,
      ),
  },
  {
    name: "cargo tests",
    isQuick: true,
    run: async ({ quick }) => {
      const selected = ["--quiet", "--locked", ...WORKSPACE];
      if (quick) return runLibtest(cargo("test", ...selected, "--lib"), CARGO_TIMEOUT_MS);
      // Cargo builds no addon for a test by itself.
      const addon = await runCheck(
        cargo("build", ...selected, "--lib", "--tests"),
        CARGO_TIMEOUT_MS,
      );
      if (addon.failed > 0) return addon;
      return runLibtest(cargo("test", ...selected, "--no-fail-fast"), CARGO_TIMEOUT_MS);
    },
  },
  {
    name: "NEON tests",
    run: () => runLibtest(["bash", join(root, "scripts/test-neon.sh")], CARGO_TIMEOUT_MS, "neon"),
  },
  {
    name: "AVX-512 tests",
    run: () =>
      runLibtest(
        ["bash", join(root, "scripts/test-avx512.sh")],
        EMULATION_TIMEOUT_MS,
        "avx512vnni",
      ),
  },
  {
    name: "pool model",
    run: () => runLibtest(["bash", join(root, "scripts/test-pool-model.sh")], CARGO_TIMEOUT_MS),
  },
  {
    name: "types",
    isQuick: true,
    run: check([installed("tsc"), "--project", join(root, "tsconfig.tests.json")]),
  },
  { name: "lint", isQuick: true, run: check([installed("oxlint")]) },
  { name: "format", isQuick: true, run: check([installed("oxfmt"), "--check"]) },
  { name: "dead code", run: check([installed("knip"), "--no-progress"]) },
  { name: "layers", isQuick: true, run: check(node("check-layers.mjs")) },
  { name: "workflows", run: check(node("check-workflows.mjs")) },
  {
    name: "generated",
    run: () => runCheck(node("generate-types.mjs", "--check"), CARGO_TIMEOUT_MS),
  },
  { name: "licences", isQuick: true, run: check(node("generate-licences.mjs", "--check")) },
  { name: "packages", needsBuild: true, run: check(node("check-packages.mjs")) },
  ...packages.map((name) => ({
    name,
    isQuick: true,
    needsBuild: true,
    run: ({ quick }) =>
      runUvu(join(root, "packages", name, "test"), (file) => !quick || !isEndToEnd(file)),
  })),
  {
    name: "hostile peers",
    needsBuild: true,
    run: () => runCheck(node("hostile-peers.mjs", "2000"), NETWORK_TIMEOUT_MS),
  },
  {
    name: "namespaces",
    needsBuild: true,
    run: () => runCheck(node("test-netns.mjs"), NETWORK_TIMEOUT_MS),
  },
  { name: "fuzz", needsBuild: true, run: check(node("fuzz.mjs", "2", "readers")) },
  {
    name: "scripts",
    isQuick: true,
    needsBuild: true,
    run: () => runUvu(join(root, "scripts/test")),
  },
];

async function build() {
  const problem = await bringUpToDate({ say: () => {}, output: "capture" });
  return problem ? failed(problem) : passed();
}
