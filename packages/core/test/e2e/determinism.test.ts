/** What makes a text repeatable: seed, options and plan alone, not threads, chunks or luck. */

import type { ForwardRow } from "@dllama/bindings";
import { loadModel, serveWorker } from "../../src/index.ts";
import type { LoadOptions, Model, RunningWorker } from "../../src/index.ts";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loopback } from "../support/own-token.ts";

/** More than two chunks of tokens. */
const PROMPT = "One day, Lily and Tom went to the park. They saw a big dog and a cat. ".repeat(6);
const STEPS = 80;
/** Rows of a prefill chunk: a replay makes the same ones. */
const CHUNK = 64;

let workers: RunningWorker[] = [];

test.before(async () => {
  const options = { ...loopback, nthreads: 2 };
  workers = await Promise.all([serveWorker(options), serveWorker(options)]);
});

test.after(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
});

async function withModel<T>(options: LoadOptions, use: (model: Model) => Promise<T>): Promise<T> {
  const model = await loadModel(options);
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}

interface Run {
  text: string;
  ids: number[];
  /** Each rank's. */
  kvCaches: bigint[];
}

async function run(model: Model, seed = 7): Promise<Run> {
  const ids: number[] = [];
  let text = "";
  const options = { steps: STEPS, seed, temperature: 0.9, ignoreEos: true };
  for await (const token of model.generate(PROMPT, options)) {
    ids.push(token.id);
    text += token.text;
  }
  const digests = await model.digests();
  return { text, ids, kvCaches: digests.map(({ kvCache }) => kvCache) };
}

test("a seed gives the same text and the same bits for any number of threads", async () => {
  const [first, ...others] = await Promise.all(
    [1, 2, 3, 4].map((nthreads) => withModel({ nthreads }, (model) => run(model))),
  );
  assert.is(first?.ids.length, STEPS);
  for (const other of others) assert.equal(other, first);
});

test("a repeated run gives the same bits, another seed another text", async () => {
  await withModel({ nthreads: 2 }, async (model) => {
    const first = await run(model);
    const other = await run(model, 8);
    assert.is.not(other.text, first.text);
    assert.equal(await run(model), first);
  });
});

for (const worldSize of [1, 3]) {
  test(`a replay on ${worldSize} rank(s) rebuilds the KV cache bit for bit`, async () => {
    const options = () => ({
      nthreads: 2,
      workers: workers.slice(0, worldSize - 1).map(({ host, port }) => `${host}:${port}`),
    });
    const played = await withModel(options(), (model) => run(model));
    const replayed = await withModel(options(), async (model) => {
      const prompt = [model.tokenizer.bosId, ...model.tokenizer.encode(PROMPT)];
      assert.ok(prompt.length > 2 * CHUNK, `${prompt.length} tokens`);
      await feed(model, prompt, 0, CHUNK, "fast");
      // The last token was generated and never fed. Another chunking than one by one.
      await feed(model, played.ids.slice(0, -1), prompt.length, 13, "exact");
      return (await model.digests()).map(({ kvCache }) => kvCache);
    });
    assert.is(replayed.length, worldSize);
    assert.equal(replayed, played.kvCaches);
  });
}

async function feed(
  model: Model,
  ids: number[],
  position: number,
  chunk: number,
  rowClass: "fast" | "exact",
): Promise<void> {
  for (let first = 0; first < ids.length; first += chunk) {
    const rows = ids.slice(first, first + chunk).map((token, index): ForwardRow => ({
      token,
      position: position + first + index,
      sequence: 0,
      want: "none",
      temperature: 0,
    }));
    // oxlint-disable-next-line no-await-in-loop -- a sequence has an order
    await model.engine.forward(rowClass, rows);
  }
}

test("generations of one model take turns, and an abandoned one frees its turn", async () => {
  await withModel({ nthreads: 1 }, async (model) => {
    const alone = await run(model);
    for await (const _ of model.generate("Once", { steps: 50 })) break;
    const both = await Promise.all([run(model), run(model)]);
    for (const { text } of both) assert.is(text, alone.text);
  });
});

test.run();
