/**
 * One reader of files against mutated inputs, for so many seconds: arguments TARGET SEED SECONDS FOLDER.
 * Prints what came of it as JSON. The input that is being read lies in FOLDER/input, also when this
 * process has been ended from outside because it hangs.
 *
 * Coverage is not measured. What stands for it is the outcome: an input whose error says something
 * new is kept and mutated further, which leads from check to check.
 */

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { DllamaError } from "../../../packages/core/dist/index.js";
import { root } from "../workspace.mjs";
import { mutate } from "./mutate.mjs";
import { seededRandom } from "./random.mjs";
import { readerTargets } from "./reader-targets.mjs";

/** No input of some kilobytes takes a hundredth, but the machine may be busy. */
const MAX_MS = 3000;
/** Node takes about 60 MB of it before anything is read. */
const MAX_RSS_BYTES = 500e6;
const MAX_KEPT = 2000;

const [name, seed, seconds, folder] = process.argv.slice(2);
const target = readerTargets[name];
const corpus = join(root, "fuzz/corpus", name);
const random = seededRandom(Number(seed));
const inputs = readdirSync(corpus)
  .toSorted()
  .map((file) => readFileSync(join(corpus, file)));
const outcomes = new Set();
const report = { nInputs: 0, nAccepted: 0, nOutcomes: 0, maxMs: 0, maxRssBytes: 0 };
const inputPath = join(folder, "input");

// As they are first: a corpus that is not accepted would test little.
for (const input of inputs) await attempt(input);
report.nSeedsAccepted = report.nAccepted;
const end = performance.now() + Number(seconds) * 1000;
while (performance.now() < end) {
  const input = mutate(inputs[random(inputs.length)], inputs, random);
  const isNew = await attempt(input);
  if (isNew && inputs.length < MAX_KEPT) inputs.push(input);
}
report.nOutcomes = outcomes.size;
console.log(JSON.stringify(report));

/** Whether an input gives an outcome that none before gave. */
async function attempt(input) {
  writeFileSync(inputPath, input);
  const start = performance.now();
  const outcome = await target.read(input, folder).then(() => "accepted", judge);
  const ms = performance.now() - start;
  const rssBytes = process.memoryUsage.rss();
  report.nInputs += 1;
  report.nAccepted += outcome === "accepted" ? 1 : 0;
  report.maxMs = Math.max(report.maxMs, ms);
  report.maxRssBytes = Math.max(report.maxRssBytes, rssBytes);
  if (ms > MAX_MS) finding(`it took ${Math.round(ms)} ms`);
  if (rssBytes > MAX_RSS_BYTES) finding(`memory grew to ${Math.round(rssBytes / 1e6)} MB`);
  if (outcomes.has(outcome)) return false;
  outcomes.add(outcome);
  return true;
}

function judge(error) {
  if (!(error instanceof DllamaError)) return finding(error?.stack ?? String(error));
  if (!target.codes.includes(error.code)) return finding(`the code ${error.code}: ${error.stack}`);
  if (error.message.length > 2000)
    return finding(`a message of ${error.message.length} characters`);
  // What differs from input to input is left out.
  return error.message.replace(/"(?:[^"\\]|\\.)*"|\d+/g, "#").slice(0, 120);
}

function finding(what) {
  console.log(JSON.stringify({ ...report, finding: what }));
  process.exit(1);
}
