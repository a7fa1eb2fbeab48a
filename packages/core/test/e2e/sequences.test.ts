/** Sequences side by side: in one `exact` forward each has the bits that it has alone. */

import type { Engine, ForwardRow, RowResult } from "@dllama/bindings";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { readGguf } from "../../src/gguf/read-gguf.ts";
import { serveWorker } from "../../src/index.ts";
import { loadRanks } from "../../src/load-ranks.ts";
import { openModel } from "../../src/models/model-family.ts";
import { randomLlama } from "../support/tiny-llama.ts";
import { loopback } from "../support/own-token.ts";

const N_SEQUENCES = 5;
const N_TOKENS = 12;
/** The tiny Llama's. */
const VOCAB_SIZE = 40;

/** Sequence `sequence` begins so many forwards later, so that rows of a forward differ in position. */
const delay = (sequence: number): number => sequence % (MAX_DELAY + 1);
const MAX_DELAY = 2;

function row(sequence: number, position: number): ForwardRow {
  const token = (7 * position + 11 * sequence + 1) % VOCAB_SIZE;
  return { token, position, sequence, want: "full", temperature: 0.5 };
}

interface Setting {
  path: string;
  nthreads?: number;
  workers?: string[];
}

async function withEngine<T>(setting: Setting, use: (engine: Engine) => Promise<T>): Promise<T> {
  const { path, nthreads = 2, workers } = setting;
  const ranks = { path, nthreads, workers, seqLen: 16, nSequences: N_SEQUENCES };
  const { engine } = await loadRanks(await openModel(await readGguf(path)), ranks);
  try {
    return await use(engine);
  } finally {
    await engine.dispose();
  }
}

/** What follows each token of each sequence: (sequence, token). */
type Results = RowResult[][];

async function together(engine: Engine): Promise<Results> {
  const results: Results = Array.from({ length: N_SEQUENCES }, () => []);
  for (let step = 0; step < N_TOKENS + MAX_DELAY; step++) {
    const rows = [...results.keys()]
      .filter((sequence) => step >= delay(sequence) && step < delay(sequence) + N_TOKENS)
      .map((sequence) => row(sequence, step - delay(sequence)));
    // oxlint-disable-next-line no-await-in-loop -- each token depends on those before
    const forward = await engine.forward("exact", rows);
    for (const [index, { sequence }] of rows.entries()) {
      const result = forward.rows[index];
      assert.ok(result);
      results[sequence]?.push(result);
    }
  }
  return results;
}

async function alone(engine: Engine): Promise<Results> {
  const results: Results = [];
  for (let sequence = 0; sequence < N_SEQUENCES; sequence++) {
    const own: RowResult[] = [];
    for (let position = 0; position < N_TOKENS; position++) {
      // oxlint-disable-next-line no-await-in-loop -- each token depends on those before
      const { rows } = await engine.forward("exact", [row(sequence, position)]);
      own.push(...rows.filter((result) => result !== undefined));
    }
    results.push(own);
  }
  return results;
}

for (const type of ["f32", "q40", "q80"] as const) {
  test(`${type}: logits and candidates are bit for bit those of each sequence alone`, async () => {
    const path = randomLlama(type);
    const expected = await withEngine({ path, nthreads: 1 }, alone);
    const logits = expected.flat().map(({ all }) => all?.join());
    assert.is(new Set(logits).size, N_SEQUENCES * N_TOKENS, "every row is another one");
    for (const nthreads of [1, 3]) {
      // oxlint-disable-next-line no-await-in-loop -- engines one after another
      assert.equal(await withEngine({ path, nthreads }, together), expected, `${nthreads} threads`);
    }
  });
}

test("on two ranks, too", async () => {
  const path = randomLlama("q40");
  const worker = await serveWorker({ ...loopback, nthreads: 2 });
  const workers = [`${worker.host}:${worker.port}`];
  const expected = await withEngine({ path, workers }, alone);
  assert.equal(await withEngine({ path, workers }, together), expected);
  await worker.close();
});

test.run();
