/**
 * Runs the sides in turns: for each shape and number of threads all sides load the model once, and then
 * every round of every case has one run of each.
 *
 * @typedef {import("./cases.mjs").Case} Case
 *
 * @typedef {Case & {
 *   type: "case",
 *   shape: string,
 *   nThreads: number,
 *   runs: Record<"dllama" | "same" | "best", number[] | undefined>,
 *   ratios: Record<"same" | "best", import("./ratios.mjs").Spread | undefined>,
 *   outsideShare: number,
 *   busy: { who: string, cores: number }[],
 * }} Comparison `runs` in tokens a second; `outsideShare`: of llama.cpp's time at most what
 *   node-llama-cpp and sampling took
 *
 * @typedef {{ type: "machine", processor: string, isa: string, version: string,
 *   variants: Record<"same" | "best", string | undefined> }} Machine
 */

import { cachedModel } from "./cached-model.mjs";
import { contextSize } from "./cases.mjs";
import { Contestant } from "./contestant.mjs";
import { variantsLike } from "./cpu-libraries.mjs";
import { holdLlamaCpp, installLlamaCpp, VERSION } from "./install.mjs";
import { requireMemory } from "./memory.mjs";
import { Neighbours, snapshot } from "./neighbours.mjs";
import { ratiosOf, rotated } from "./ratios.mjs";

/**
 * Yields the machine, and each case as soon as it is through.
 *
 * @param {ReturnType<typeof import("./options.mjs").readOptions>} options
 * @param {Case[]} cases
 * @param {(line: string) => void} say
 * @returns {AsyncGenerator<Machine | Comparison, void, undefined>}
 */
export async function* compare(options, cases, say) {
  const install = await installLlamaCpp(options.folder, say);
  const positions = contextSize(cases);
  let isFirst = true;
  for (const shape of options.shapes) {
    const { path, nBytes, cacheBytes } = await cachedModel(options.folder, shape, positions, say);
    requireMemory({ modelBytes: nBytes, cacheBytes, nPeers: options.peers.length });
    for (const nThreads of options.nThreads) {
      const setting = { shape, nThreads, rounds: options.rounds };
      const job = { modelPath: path, nThreads, contextSize: positions };
      say(`Loading ${shape}, ${nThreads} thread(s) ...`);
      const sides = await startSides(job, install, options.peers);
      if (isFirst) yield describe(sides);
      isFirst = false;
      for (const test of cases) yield await runCase(test, sides, setting, say);
      await Promise.all(sides.all.map((side) => side.stop()));
    }
  }
}

/** Where llama.cpp's best is what it would be held to, one process stands for both. */
async function startSides(job, install, peers) {
  const dllama = await Contestant.start("dllama", job);
  const { isa } = dllama.machine;
  const best = peers.includes("best")
    ? await Contestant.start("best", { ...job, install })
    : undefined;
  if (!peers.includes("same")) return { dllama, best, all: [dllama, best] };
  const variants = variantsLike(isa);
  if (variants.includes(best?.variant)) return { dllama, same: best, best, all: [dllama, best] };
  const held = await holdLlamaCpp(install, variants);
  const same = await Contestant.start("same", { ...job, install: held });
  return { dllama, same, best, all: [dllama, same, best].filter(Boolean) };
}

function describe({ dllama, same, best }) {
  const { processor, isa } = dllama.machine;
  const variants = { same: same?.variant, best: best?.variant };
  return { type: "machine", processor, isa, version: VERSION, variants };
}

async function runCase(test, sides, { shape, nThreads, rounds }, say) {
  const neighbours = new Neighbours();
  const rates = new Map(sides.all.map((side) => [side, []]));
  let outsideShare = 0;
  // The first run of each is not counted: it meets cold pages and sleeping threads.
  for (let round = -1; round < rounds; round++) {
    if (round >= 0) say(`${describeCase(test)}: round ${round + 1} of ${rounds}`);
    for (const side of rotated(sides.all, Math.max(0, round))) {
      await side.fill(test.depth);
      const before = snapshot();
      const { runs, outsideShare: outside = 0 } = await side.run(test);
      if (round < 0) continue;
      neighbours.add(before, snapshot(), new Set([process.pid, side.pid]));
      rates.get(side).push(...runs);
      outsideShare = Math.max(outsideShare, outside);
    }
  }
  const runsOf = (side) => side && rates.get(side);
  const dllama = runsOf(sides.dllama);
  const [same, best] = [runsOf(sides.same), runsOf(sides.best)];
  return {
    type: "case",
    ...test,
    shape,
    nThreads,
    runs: { dllama, same, best },
    ratios: { same: same && ratiosOf(dllama, same), best: best && ratiosOf(dllama, best) },
    outsideShare,
    busy: neighbours.busy,
  };
}

function describeCase({ test, promptTokens, generatedTokens, depth }) {
  return `${test} of ${promptTokens ?? generatedTokens} tokens at depth ${depth}`;
}
