/** Builds and runs the libFuzzer targets of `fuzz/`. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { run } from "../children.mjs";
import { root } from "../workspace.mjs";
import { artifactFolder } from "./artifacts.mjs";

/** A name in `fuzz/Cargo.toml` each, with the longest input that its door can take. */
export const RUST_TARGETS = {
  frame_header: 64,
  frame_text: 4096,
  abort: 2048,
  hello: 1024,
  reply: 64,
  setup: 4096,
  frames: 4096,
  rows: 4096,
  plan: 2048,
  program: 32_768,
  session: 32_768,
  transfer: 32_768,
  message: 4096,
  kept_hashes: 4096,
};

const TARGET = "x86_64-unknown-linux-gnu";
const FOLDER = join(root, "target/fuzz");
const BUILD_MS = 1_200_000;
const START_MS = 30_000;

/** What cargo-fuzz would set; `RUSTC_BOOTSTRAP` stands for a nightly compiler. */
const FLAGS = [
  "-Zsanitizer=address",
  "-Cpasses=sancov-module",
  "-Cllvm-args=-sanitizer-coverage-level=4",
  "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
  "-Cllvm-args=-sanitizer-coverage-pc-table",
  "-Cllvm-args=-sanitizer-coverage-trace-compares",
  "--cfg fuzzing",
  "-Ccodegen-units=1",
];

/** @returns {Promise<string | undefined>} why it failed */
export async function buildRustTargets() {
  const env = { RUSTC_BOOTSTRAP: "1", RUSTFLAGS: FLAGS.join(" ") };
  const options = ["--release", "--locked", "--target", TARGET, "--target-dir", FOLDER];
  const command = ["cargo", "build", "--quiet", "--manifest-path", "fuzz/Cargo.toml", ...options];
  const ended = await run(command, { env, timeoutMs: BUILD_MS });
  return ended.problem && `${ended.output}\nThe fuzz targets' build ${ended.problem}.`;
}

/**
 * What is found on the way to more coverage is kept in `target/`, and begins the next run.
 *
 * @param {string} name
 * @param {{ seconds: number, seed: number }} options
 * @returns {Promise<{ line: string, finding?: string }>}
 */
export async function fuzzRust(name, { seconds, seed }) {
  const found = join(FOLDER, "corpus", name);
  mkdirSync(found, { recursive: true });
  mkdirSync(artifactFolder, { recursive: true });
  const flags = [
    `-max_total_time=${seconds}`,
    `-max_len=${RUST_TARGETS[name]}`,
    `-seed=${seed}`,
    // Seconds and megabytes of one input.
    "-timeout=10",
    "-rss_limit_mb=1024",
    `-artifact_prefix=${artifactFolder}/${name}-`,
    "-print_final_stats=1",
  ];
  const program = join(FOLDER, TARGET, "release", name);
  const command = [program, ...flags, found, join(root, "fuzz/corpus", name)];
  const { problem, output } = await run(command, { timeoutMs: seconds * 1000 + START_MS });
  const path = /Test unit written to (\S+)/.exec(output)?.[1];
  if (problem !== undefined) {
    const line = `FINDING with seed ${seed}: it ${problem}; the input is ${path ?? "not kept"}`;
    return { line, finding: output.slice(-6000) };
  }
  const [, nInputs] = /stat::number_of_executed_units: (\d+)/.exec(output) ?? [];
  const [, coverage] = /DONE +cov: (\d+)/.exec(output) ?? [];
  const [, rss] = /stat::peak_rss_mb: +(\d+)/.exec(output) ?? [];
  return { line: `${nInputs} inputs, ${coverage} edges, at most ${rss} MB, seed ${seed}` };
}
