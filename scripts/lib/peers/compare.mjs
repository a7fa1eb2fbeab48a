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
 *   leftOutShare: number,
 *   busy: { who: string, cores: number }[],
 * }} Comparison `runs` in tokens a second; `leftOutShare`: by llama.cpp's time at most what
 *   node-llama-cpp took besides, which does not count
 *
 * @typedef {{ type: "machine", processor: string, isa: string, version: string,
 *   variants: Record<"same" | "best", string | undefined> }} Machine
 */

import { cachedModel } from "./cached-model.mjs";
import { contextSize } from "./cases.mjs";
import { Contestant } from "./contestant.mjs";
import { isLike, variantsLike } from "./cpu-libraries.mjs";
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
      say(`Loading ${shape}, ${nThreads === 1 ? "1 thread" : `${nThreads} threads`} ...`);
      const sides = await startSides(job, install, options.peers, say);
      if (isFirst) yield describe(sides);
      isFirst = false;
      // The first run of each meets cold pages.
      for (const side of sides.all) await side.run(cases[0]);
      for (const test of cases) yield await runCase(test, sides, setting, say);
      await Promise.all(sides.all.map((side) => side.stop()));
    }
  }
}

/**
 * Where llama.cpp's best loads what it would be held to, a second process would tell nothing new: one
 * stands for both.
 */
async function startSides(job, install, peers, say) {
  const dllama = await Contestant.start("dllama", job);
  const best = peers.includes("best")
    ? await Contestant.start("best", { ...job, install })
    : undefined;
  if (!peers.includes("same")) return sidesOf(dllama, undefined, best);
  const { isa } = dllama.machine;
  if (best !== undefined && isLike(best.variant, isa)) {
    say(`same and best both load libggml-cpu-${best.variant}.so: one run counts for both`);
    return sidesOf(dllama, best, best);
  }
  const held = await holdLlamaCpp(install, variantsLike(isa));
  return sidesOf(dllama, await Contestant.start("same", { ...job, install: held }), best);
}

function sidesOf(dllama, same, best) {
  return { dllama, same, best, all: [...new Set([dllama, same, best])].filter(Boolean) };
}

function describe({ dllama, same, best }) {
  const { processor, isa } = dllama.machine;
  const variants = { same: same?.variant, best: best?.variant };
  return { type: "machine", processor, isa, version: VERSION, variants };
}

async function runCase(test, sides, { shape, nThreads, rounds }, say) {
  const neighbours = new Neighbours(new Map(sides.all.map(({ pid, name }) => [pid, name])));
  const rates = new Map(sides.all.map((side) => [side, []]));
  let leftOutShare = 0;
  for (let round = 0; round < rounds; round++) {
    say(`${describeCase(test)}: round ${round + 1} of ${rounds}`);
    for (const side of rotated(sides.all, round)) {
      await side.fill(test.depth);
      const before = snapshot();
      const result = await side.run(test);
      neighbours.add(before, snapshot(), new Set([process.pid, side.pid]));
      rates.get(side).push(...result.runs);
      leftOutShare = Math.max(leftOutShare, result.leftOutShare);
    }
  }
  const [dllama, same, best] = [sides.dllama, sides.same, sides.best].map((side) =>
    rates.get(side),
  );
  return {
    type: "case",
    ...test,
    shape,
    nThreads,
    runs: { dllama, same, best },
    ratios: { same: same && ratiosOf(dllama, same), best: best && ratiosOf(dllama, best) },
    leftOutShare,
    busy: neighbours.busy,
  };
}

function describeCase({ test, promptTokens, generatedTokens, depth }) {
  return `${test} of ${promptTokens ?? generatedTokens} tokens at depth ${depth}`;
}
