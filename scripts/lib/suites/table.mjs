/**
 * Everything that `pnpm test` runs, reported in this order.
 *
 * @typedef {object} Suite
 * @property {string} name
 * @property {boolean} [isQuick] part of `pnpm check`, too
 * @property {string[]} [needs] suites before this one that must have ended well
 * @property {boolean} [waits] waits more than it computes, and so runs beside the suites that compute
 * @property {() => string | undefined} [whyNot] says why the suite is skipped, unless somebody named it
 * @property {(options: { quick: boolean }) => Promise<import("./outcome.mjs").Outcome>} run
 */

import { join } from "node:path";

import { bringUpToDate } from "../build.mjs";
import { WORKSPACE } from "../cargo.mjs";
import { installed, packages, root } from "../workspace.mjs";
import { unlessEmulated } from "./emulated.mjs";
import { runLibtest } from "./libtest.mjs";
import { failed, passed, runCheck } from "./outcome.mjs";
import { runUvu } from "./uvu.mjs";

/** A cold compilation of everything takes 250 s of CPU time; a machine that others use as well has taken 19 minutes. */
const CARGO_TIMEOUT_MS = 1_800_000;
const CHECK_TIMEOUT_MS = 120_000;
/** Thousands of connections, or runs over slow links. */
const NETWORK_TIMEOUT_MS = 400_000;
/** Package managers, runtimes and bundlers, of which the first run fetches 0.6 GB. */
const INSTALL_TIMEOUT_MS = 1_200_000;
/** Bochs takes some minutes of its own time, and the machine may be busy. */
const EMULATION_TIMEOUT_MS = 1_500_000;

const cargo = (...args) => ["cargo", ...args];
const node = (script, ...args) => [process.execPath, join(root, "scripts", script), ...args];
const bash = (script) => ["bash", join(root, "scripts", script)];
const check = (command) => () => runCheck(command, CHECK_TIMEOUT_MS);

const isEndToEnd = (file) => file.startsWith("e2e");

/** All that `cargo test` runs, and the addon, which cargo builds for no test by itself; or the libraries' own tests. */
const buildTests = (quick) =>
  quick
    ? cargo("test", "--quiet", ...WORKSPACE, "--lib", "--no-run")
    : cargo("build", "--quiet", ...WORKSPACE, "--lib", "--tests", "--examples");
const runTests = (quick) =>
  cargo("test", "--quiet", ...WORKSPACE, "--no-fail-fast", ...(quick ? ["--lib"] : []));

/** @type {Suite[]} */
export const suites = [
  { name: "build", isQuick: true, run: build },
  {
    name: "rustfmt",
    isQuick: true,
    run: check(cargo("fmt", "--all", "--check", "--", "--color", "never")),
  },
  {
    name: "test programs",
    isQuick: true,
    run: ({ quick }) => runCheck(buildTests(quick), CARGO_TIMEOUT_MS),
  },
  {
    name: "cargo tests",
    isQuick: true,
    needs: ["test programs"],
    waits: true,
    run: ({ quick }) => runLibtest(runTests(quick), CARGO_TIMEOUT_MS),
  },
  {
    name: "clippy",
    isQuick: true,
    run: () =>
      runCheck(
        cargo("clippy", "--quiet", ...WORKSPACE, "--all-targets", "--", "-D", "warnings"),
        CARGO_TIMEOUT_MS,
      ),
  },
  {
    name: "generated",
    needs: ["test programs"],
    run: () => runCheck(node("generate-types.mjs", "--check"), CARGO_TIMEOUT_MS),
  },
  { name: "pool model", run: () => runLibtest(bash("test-pool-model.sh"), CARGO_TIMEOUT_MS) },
  {
    name: "NEON tests",
    whyNot: unlessEmulated("NEON tests", "neon", "arm64"),
    run: () => runLibtest(bash("test-neon.sh"), CARGO_TIMEOUT_MS, "neon"),
  },
  {
    name: "AVX-512 tests",
    waits: true, // for one core
    whyNot: unlessEmulated("AVX-512 tests", "avx512vnni"),
    run: () => runLibtest(bash("test-avx512.sh"), EMULATION_TIMEOUT_MS, "avx512vnni"),
  },
  {
    name: "types",
    isQuick: true,
    needs: ["build"],
    run: check([installed("tsc"), "--project", join(root, "tsconfig.tests.json")]),
  },
  {
    name: "Electron example",
    needs: ["build"],
    run: check([installed("tsc"), "--project", join(root, "examples/electron")]),
  },
  { name: "lint", isQuick: true, needs: ["build"], run: check([installed("oxlint")]) },
  { name: "format", isQuick: true, needs: ["build"], run: check([installed("oxfmt"), "--check"]) },
  { name: "dead code", needs: ["build"], run: check([installed("knip"), "--no-progress"]) },
  { name: "layers", isQuick: true, needs: ["build"], run: check(node("check-layers.mjs")) },
  { name: "workflows", run: check(node("check-workflows.mjs")) },
  { name: "systemd unit", needs: ["build"], run: check(node("check-unit.mjs")) },
  { name: "licences", isQuick: true, run: check(node("generate-licences.mjs", "--check")) },
  { name: "packages", needs: ["build"], run: check(node("check-packages.mjs")) },
  ...packages.map((name) => ({
    name,
    isQuick: true,
    needs: ["build"],
    waits: name === "cli", // for its ranks
    run: ({ quick }) =>
      runUvu(join(root, "packages", name, "test"), (file) => !quick || !isEndToEnd(file)),
  })),
  {
    name: "hostile peers",
    needs: ["build"],
    waits: true,
    run: () => runCheck(node("hostile-peers.mjs", "2000"), NETWORK_TIMEOUT_MS),
  },
  {
    name: "namespaces",
    needs: ["build"],
    waits: true,
    run: () => runCheck(node("test-netns.mjs"), NETWORK_TIMEOUT_MS),
  },
  {
    name: "installation",
    needs: ["build"],
    waits: true,
    whyNot: () =>
      process.env.REQUIRE_INSTALLATION === undefined
        ? "installs for minutes; to run it: npx -y pnpm@10.34.9 test installation"
        : undefined,
    run: () => runCheck(node("prove-install.mjs", "--quick"), INSTALL_TIMEOUT_MS),
  },
  { name: "fuzz", needs: ["build"], run: check(node("fuzz.mjs", "2", "readers")) },
  {
    name: "scripts",
    isQuick: true,
    needs: ["build"],
    run: () => runUvu(join(root, "scripts/test")),
  },
];

async function build() {
  const problem = await bringUpToDate({ say: () => {}, output: "capture" });
  return problem ? failed(problem) : passed();
}
