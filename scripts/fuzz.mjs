/**
 * Fuzzes every decoder of bytes from outside, one after another: `node scripts/fuzz.mjs [SECONDS] [TARGET ...]`
 * with 60 seconds and all targets by default. `readers` and `rust` stand for all targets in TypeScript and
 * in Rust. What an input must give is told where the targets are: `lib/fuzz/reader-targets.mjs`, `fuzz/targets`.
 */

import { stopChildrenOnSignals } from "./lib/children.mjs";
import { bringUpToDate } from "./lib/build.mjs";
import { READERS, fuzzReader } from "./lib/fuzz/readers.mjs";
import { RUST_TARGETS, buildRustTargets, fuzzRust } from "./lib/fuzz/rust.mjs";

const args = process.argv.slice(2);
const seconds = /^\d+$/.test(args[0] ?? "") ? Number(args.shift()) : 60;
const rustTargets = Object.keys(RUST_TARGETS);
const groups = { readers: READERS, rust: rustTargets };
const all = [...READERS, ...rustTargets];
const chosen = args.length === 0 ? all : args.flatMap((name) => groups[name] ?? [name]);
const unknown = chosen.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`There is no target ${unknown.join(", ")}; these are: ${all.join(", ")}.`);
  process.exit(2);
}

stopChildrenOnSignals();
const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const problem =
  (await bringUpToDate({ say: console.error, output: "stderr" })) ??
  (chosen.some((name) => rustTargets.includes(name)) ? await buildRustTargets() : undefined);
if (problem !== undefined) {
  console.error(problem);
  process.exit(1);
}
for (const name of chosen) {
  const fuzz = rustTargets.includes(name) ? fuzzRust : fuzzReader;
  const { line, finding } = await fuzz(name, { seconds, seed });
  console.log(`${name.padEnd(13)} ${line}`);
  if (finding !== undefined) {
    console.error(finding);
    process.exitCode = 1;
  }
}
