/**
 * A session whose engine fails, at any call, gives the tokens and the KV cache of one whose does not: with
 * every type of buffers and KV cache, drawn at random or not, over several ranks.
 */

import { test } from "uvu";
import * as assert from "uvu/assert";

import type { Engine } from "@dllama/bindings";

import { Session } from "../../src/generation/session.ts";
import { readGguf } from "../../src/gguf/read-gguf.ts";
import { embeddedModelPath, serveWorker } from "../../src/index.ts";
import type { RunningWorker } from "../../src/index.ts";
import { loadRanks } from "../../src/load-ranks.ts";
import type { RankOptions } from "../../src/load-ranks.ts";
import { openModel } from "../../src/models/model-family.ts";
import { Sampler } from "../../src/sampling/sampler.ts";
import { SplitMix } from "../../src/sampling/split-mix.ts";
import { FaultyComputer } from "../support/faulty-computer.ts";
import { randomLlama } from "../support/tiny-llama.ts";

/** Two chunks, of tokens that the smallest vocabulary has. */
const PROMPT = Array.from({ length: 80 }, (_, n) => (n * 31 + 1) % 40);
/** The smallest model has room for no more. */
const STEPS = 47;

let workers: RunningWorker[] = [];

test.before(async () => {
  const options = { port: 0, nthreads: 1 };
  workers = await Promise.all([1, 2].map(() => serveWorker(options)));
});

test.after(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
});

interface Run {
  ids: number[];
  kvCaches: bigint[];
  computer: FaultyComputer;
}

interface Sampling {
  temperature: number;
  topP: number;
}

async function run(
  engine: Engine,
  sampling: Sampling,
  failing: (nCall: number) => boolean,
): Promise<Run> {
  const computer = new FaultyComputer(engine, failing);
  const session = new Session(computer, { add() {} });
  const sampler = new Sampler({ ...sampling, seed: 3 });
  const ids: number[] = [];
  let row = await session.prefill(PROMPT, sampler.temperature);
  assert.ok(row);
  while (ids.length < STEPS) {
    // oxlint-disable-next-line no-await-in-loop -- each token depends on the one before
    const id = await session.sample(row, sampler);
    ids.push(id);
    // oxlint-disable-next-line no-await-in-loop -- see above
    row = await session.decode(id, sampler.temperature);
  }
  const digests = await engine.digests();
  return { ids, kvCaches: digests.map(({ kvCache }) => kvCache), computer };
}

async function requireSame(path: string, options: RankOptions, sampling: Sampling): Promise<void> {
  const open = await openModel(await readGguf(path));
  const { engine } = await loadRanks(open, { ...options, path, nthreads: 1, seqLen: 128 });
  try {
    const undisturbed = await run(engine, sampling, () => false);
    if (sampling.topP === 1)
      assert.ok(undisturbed.computer.nFullRows > 10, "whole rows are needed");
    // The first calls, which are the prompt, then one of five, seeded: some of them in replays.
    const random = new SplitMix(11);
    let left = 12;
    const disturbed = await run(engine, sampling, (nCall) => {
      const fails = left > 0 && (nCall < 3 || random.nextFloat() < 1 / 5);
      if (fails) left--;
      return fails;
    });
    assert.equal(disturbed.ids, undisturbed.ids);
    assert.equal(disturbed.kvCaches, undisturbed.kvCaches);
    assert.ok(
      disturbed.computer.nRecovered > 3,
      `${disturbed.computer.nRecovered} recoveries, ${left} left`,
    );
  } finally {
    await engine.dispose();
  }
}

const CALM = { temperature: 0, topP: 0.9 };
const DRAWN = { temperature: 0.9, topP: 0.9 };
/** So flat that the candidates never suffice. */
const FLAT = { temperature: 20, topP: 1 };

for (const bufferFloatType of ["q80", "f32"] as const) {
  for (const [worldSize, kvCacheType, sampling] of [
    [1, "f16", DRAWN],
    [2, "f32", CALM],
    [3, "f16", DRAWN],
    [3, "f16", FLAT],
  ] as const) {
    const words = `${worldSize} rank(s), ${bufferFloatType} buffers, ${kvCacheType} KV cache, temperature ${sampling.temperature}`;
    test(words, () =>
      requireSame(
        embeddedModelPath,
        { bufferFloatType, kvCacheType, workers: addresses(worldSize - 1) },
        sampling,
      ),
    );
  }
  for (const type of ["q40", "q80"] as const) {
    test(`2 ranks, ${type} weights, ${bufferFloatType} buffers, q80 KV cache`, () => {
      const path = randomLlama(type, { wideHeads: true });
      const options = { bufferFloatType, kvCacheType: "q80", workers: addresses(1) } as const;
      return requireSame(path, options, DRAWN);
    });
  }
}

for (const allReduce of ["direct", "scattered"] as const) {
  test(`all-reduce ${allReduce}`, () =>
    requireSame(embeddedModelPath, { allReduce, workers: addresses(2) }, DRAWN));
}

function addresses(n: number): string[] {
  return workers.slice(0, n).map(({ host, port }) => `${host}:${port}`);
}

test.run();
