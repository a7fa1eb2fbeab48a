/** Runs the readers' fuzz targets, each in a process that can be ended. */

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { run } from "../children.mjs";
import { artifactFolder } from "./artifacts.mjs";

const CHILD = fileURLToPath(new URL("reader-child.mjs", import.meta.url));
/** Beside the corpora of the Rust targets, which are listed in `rust.mjs`. */
export const READERS = ["gguf", "tokenizer", "pickle", "torch", "params"];
const START_MS = 20_000;
/** In memory where that is possible: each input is a file. */
const PLACE = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/**
 * @param {string} name
 * @param {{ seconds: number, seed: number }} options
 * @returns {Promise<{ line: string, finding?: string }>}
 */
export async function fuzzReader(name, { seconds, seed }) {
  const folder = mkdtempSync(join(PLACE, "dllama-fuzz-"));
  try {
    const node = [process.execPath, "--max-old-space-size=400", CHILD];
    const command = [...node, name, String(seed), String(seconds), folder];
    const ended = await run(command, { timeoutMs: seconds * 1000 + START_MS });
    const report = parse(ended.stdout);
    if (ended.problem === undefined) return { line: describe(report, seed) };
    const finding = report?.finding ?? ended.output;
    const path = keep(name, folder);
    const line = `FINDING with seed ${seed}: it ${ended.problem}; the input is ${path}`;
    return { line, finding };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function describe({ nInputs, nAccepted, nOutcomes, nSeedsAccepted, maxMs, maxRssBytes }, seed) {
  return (
    `${nInputs} inputs, ${nAccepted} accepted, ${nOutcomes} different outcomes, ` +
    `${nSeedsAccepted} of the corpus accepted, slowest ${maxMs.toFixed(0)} ms, ` +
    `at most ${Math.round(maxRssBytes / 1e6)} MB, seed ${seed}`
  );
}

function parse(stdout) {
  try {
    return JSON.parse(stdout.trim().split("\n").at(-1));
  } catch {
    return undefined;
  }
}

function keep(name, folder) {
  if (!readdirSync(folder).includes("input")) return "not there: it did not begin";
  mkdirSync(artifactFolder, { recursive: true });
  const path = join(artifactFolder, `${name}-${Date.now()}`);
  copyFileSync(join(folder, "input"), path);
  return path;
}
