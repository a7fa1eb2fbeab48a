/** An engine's thread: order, errors, the end; and forwards that are begun before their token is handed out. */

import { setImmediate } from "node:timers/promises";

import type { Engine, ForwardRow } from "@dllama/bindings";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { loadModel, Model } from "../../src/index.ts";
import { Ranks } from "../../src/cluster/ranks.ts";
import { expectError } from "../support/expect-error.ts";

const greedy = { temperature: 0, ignoreEos: true };

/** Rows of a prompt, of which the last wants candidates. */
function rows(first: number, n: number): ForwardRow[] {
  return Array.from({ length: n }, (_, index) => ({
    token: 7 + ((first + index) % 400),
    position: first + index,
    sequence: 0,
    want: index === n - 1 ? "candidates" : "none",
    temperature: 0,
  }));
}

/** The same model on another engine, whose errors are final. */
function modelOn(engine: Engine, { tokenizer, info }: Model): Model {
  const load = (): Promise<never> => Promise.reject(new Error("one engine is all there is"));
  return new Model(
    new Ranks({ engine, workers: [], plan: undefined, shares: [1], fitted: () => undefined }, load),
    tokenizer,
    info,
    {},
  );
}

/** A model whose engine counts the forwards that are asked of it. */
async function countingModel(): Promise<{ model: Model; forwards: () => number }> {
  const model = await loadModel({ nthreads: 1 });
  let n = 0;
  const counting: Engine = Object.create(model.engine);
  counting.forward = (rowClass, asked) => {
    n++;
    return model.engine.forward(rowClass, asked);
  };
  counting.rankTimes = () => model.engine.rankTimes();
  counting.dispose = () => model.dispose();
  return { model: modelOn(counting, model), forwards: () => n };
}

async function text(model: Model, steps: number): Promise<string> {
  let all = "";
  for await (const token of model.generate("Once", { ...greedy, steps })) all += token.text;
  return all;
}

test("what is asked at once is answered in order, long and brief forwards and all else", async () => {
  const model = await loadModel({ nthreads: 2 });
  const { engine } = model;
  const order: string[] = [];
  const ask = async <T>(name: string, answer: Promise<T>): Promise<T> => {
    const value = await answer;
    order.push(name);
    return value;
  };
  // Brief forwards, so that the engine knows that they are.
  await engine.forward("exact", rows(0, 1));
  await engine.forward("exact", rows(0, 1));
  const [long, longRow, brief, briefRow, digests] = await Promise.all([
    ask("long", engine.forward("fast", rows(0, 64))),
    ask("long row", engine.fullRow(0)),
    ask("brief", engine.forward("exact", rows(64, 1))),
    ask("brief row", engine.fullRow(0)),
    ask("digests", engine.digests()),
  ]);
  assert.equal(order, ["long", "long row", "brief", "brief row", "digests"]);
  for (const [{ rows: results }, row] of [
    [long, longRow],
    [brief, briefRow],
  ] as const) {
    const [result] = results;
    if (result === undefined) throw new Error("no row came back");
    assert.is(row[result.ids[0] ?? -1], result.logits[0]);
  }
  await engine.forward("fast", rows(0, 64));
  await engine.forward("exact", rows(64, 1));
  assert.equal(await engine.digests(), digests);
  await model.dispose();
});

test("brief forwards that are asked for at once are answered in order, whichever way each goes", async () => {
  const model = await loadModel({ nthreads: 1 });
  const { engine } = model;
  const n = 100;
  for (let position = 0; position < 3; position++) {
    // oxlint-disable-next-line no-await-in-loop -- so that the engine knows that they are brief
    await engine.forward("exact", rows(position, 1));
  }
  const order: number[] = [];
  const asked = Array.from({ length: n }, async (_, index) => {
    await engine.forward("exact", rows(3 + index, 1));
    order.push(index);
  });
  await Promise.all(asked);
  assert.equal(order, [...order.keys()]);
  assert.is(order.length, n);
  await model.dispose();
});

test("an error among others concerns its call alone", async () => {
  const model = await loadModel({ nthreads: 1 });
  const answers = await Promise.allSettled([
    model.engine.forward("fast", rows(0, 8)),
    model.engine.forward("exact", rows(100, 1)),
    model.engine.fullRow(3),
    model.engine.forward("exact", rows(8, 1)),
  ]);
  assert.equal(
    answers.map(({ status }) => status),
    ["fulfilled", "rejected", "rejected", "fulfilled"],
  );
  await model.dispose();
});

test("dispose() comes after what was asked before, and before all else", async () => {
  const model = await loadModel({ nthreads: 1 });
  const order: string[] = [];
  const under = model.engine.forward("fast", rows(0, 64)).then(() => order.push("forward"));
  const end = model.dispose().then(() => order.push("disposed"));
  await expectError("DISPOSED", ["disposed"], () => model.digests());
  await Promise.all([under, end]);
  assert.equal(order, ["forward", "disposed"]);
  await model.dispose();
});

test("two engines at once answer each in its order, with the same bits", async () => {
  const models = await Promise.all([loadModel({ nthreads: 1 }), loadModel({ nthreads: 2 })]);
  const digests = await Promise.all(
    models.map(async ({ engine }) => {
      void engine.forward("fast", rows(0, 64));
      for (let position = 64; position < 120; position++) {
        void engine.forward("exact", rows(position, 1));
      }
      return engine.digests();
    }),
  );
  assert.equal(digests[0], digests[1]);
  await Promise.all(models.map((model) => model.dispose()));
});

test("a generation of brief forwards leaves turns to the event loop", async () => {
  const model = await loadModel({ nthreads: 1 });
  const loop = { turns: 0, isDone: false };
  const count = async (): Promise<void> => {
    while (!loop.isDone) {
      loop.turns++;
      // oxlint-disable-next-line no-await-in-loop -- turns of the event loop
      await setImmediate();
    }
  };
  const counted = count();
  await text(model, 400);
  loop.isDone = true;
  await counted;
  // Some tens of milliseconds of forwards, of which at most two in a row are without a turn.
  assert.ok(loop.turns >= 5, `${loop.turns} turns`);
  await model.dispose();
});

test("no forward is begun that no token needs", async () => {
  const { model, forwards } = await countingModel();
  await text(model, 1);
  assert.is(forwards(), 1, "the prompt's");
  await text(model, 10);
  assert.is(forwards(), 1 + 10);
  const before = forwards();
  const all = model.generate("Once", greedy);
  let n = 0;
  for await (const _ of all) n++;
  assert.is(all.summary?.stopReason, "context");
  assert.is(forwards(), before + n);
  await model.dispose();
});

test("whoever stops in the middle, or aborts, leaves the engine in order", async () => {
  const { model, forwards } = await countingModel();
  const whole = await text(model, 30);
  for await (const _ of model.generate("Once", { ...greedy, steps: 30 })) break;
  assert.is(await text(model, 30), whole);
  const controller = new AbortController();
  const aborted = model.generate("Once", { ...greedy, signal: controller.signal });
  const before = forwards();
  let n = 0;
  for await (const _ of aborted) if (++n === 3) controller.abort();
  assert.equal([n, aborted.summary?.stopReason], [3, "aborted"]);
  assert.is(forwards(), before + 4, "the one that was begun with the third token");
  assert.is(await text(model, 30), whole);
  await model.dispose();
});

test("a forward that fails after its caller has gone disturbs nobody", async () => {
  const model = await loadModel({ nthreads: 1 });
  const failing: Engine = Object.create(model.engine);
  failing.rankTimes = () => model.engine.rankTimes();
  let n = 0;
  failing.forward = (rowClass, asked) =>
    n++ === 0 ? model.engine.forward(rowClass, asked) : Promise.reject(new Error("on purpose"));
  const other = modelOn(failing, model);
  for await (const _ of other.generate("Once", greedy)) break;
  await setImmediate();
  const [first, second] = [other.generate("Once", greedy), model.generate("Once", greedy)];
  n = 0;
  const seen: string[] = [];
  try {
    for await (const token of first) seen.push(token.text);
    assert.unreachable("the second forward fails");
  } catch (error) {
    assert.match(String(error), "on purpose");
  }
  assert.is(seen.length, 1, "the token that was there before the error");
  for await (const _ of second) break;
  await model.dispose();
});

test.run();
