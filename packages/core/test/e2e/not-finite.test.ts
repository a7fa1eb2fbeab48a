/** Numbers that end, over a real worker: they end their own text with a typed error, and nothing is lost. */

import { test } from "uvu";
import * as assert from "uvu/assert";

import { loadModel, serveWorker } from "../../src/index.ts";
import type { ClusterEvent, Model, RunningWorker } from "../../src/index.ts";
import { expectError } from "../support/expect-error.ts";
import { expectedAnswers } from "../support/fixtures.ts";
import { loopback } from "../support/own-token.ts";
import { poisonedModel } from "../support/poisoned-model.ts";

const PROMPT = "Once upon a time";
const events: ClusterEvent[] = [];
const greedy = {
  steps: 20,
  temperature: 0,
  onEvent: (event: ClusterEvent) => void events.push(event),
};

let worker: RunningWorker;
const ended: string[] = [];

test.before(async () => {
  const onEvent = ({ kind, message }: { kind: string; message: string }): void => {
    if (kind === "sessionFailed") ended.push(message);
  };
  worker = await serveWorker({ ...loopback, nthreads: 1, onEvent });
});

test.after(() => worker.close());

async function withModel(path: string, use: (model: Model) => Promise<void>): Promise<void> {
  for (const workers of [[], [`${worker.host}:${worker.port}`]]) {
    // oxlint-disable-next-line no-await-in-loop -- the worker serves one at a time
    const model = await loadModel({ path, workers, nthreads: 2 });
    try {
      // oxlint-disable-next-line no-await-in-loop -- see above
      await use(model);
    } finally {
      // oxlint-disable-next-line no-await-in-loop -- see above
      await model.dispose();
    }
  }
  assert.equal(events, [], "no rank was lost");
  assert.equal(ended, [], "no session was ended");
}

async function tell(model: Model, prompt: string): Promise<string> {
  let text = "";
  for await (const token of model.generate(prompt, greedy)) text += token.text;
  return text;
}

test("a token whose numbers end costs its own text, and the model goes on", async () => {
  // One that the expected story has not, in the last of the prompt's chunks and in an earlier one.
  const id = 499;
  const path = await poisonedModel("token_embd.weight", id);
  const expected = expectedAnswers();
  await withModel(path, async (model) => {
    const word = model.tokenizer.decode([id]);
    const bad = [`${PROMPT}${word}`, `${word}${" dog".repeat(200)}`];
    const contexts = bad.map((prompt) => model.tokenizer.encode(prompt));
    assert.ok(contexts.every((ids) => ids.includes(id)));
    assert.not(expected.f32.greedy_ids.includes(id));
    const before = model.engine;
    for (const prompt of bad) {
      // oxlint-disable-next-line no-await-in-loop -- one text after the other
      const error = await expectError("NUMBER_NOT_FINITE", ["embedding", /position \d+/], () =>
        tell(model, prompt),
      );
      assert.match(error.hint ?? "", /convert it again/);
      // oxlint-disable-next-line no-await-in-loop -- see above
      const text = await tell(model, PROMPT);
      assert.ok(text !== "" && expected.f32.greedy_text.includes(text), text);
    }
    assert.is(model.engine, before);
  });
});

test("a damaged weight is named by its layer and op, as often as somebody tries", async () => {
  const path = await poisonedModel("blk.2.ffn_down.weight", 5);
  await withModel(path, async (model) => {
    for (let attempt = 0; attempt < 3; attempt++) {
      // oxlint-disable-next-line no-await-in-loop -- one text after the other
      await expectError("NUMBER_NOT_FINITE", ["allReduce in layer 2"], () => tell(model, PROMPT));
    }
    const digests = await model.digests();
    assert.is(new Set(digests.map(({ replicated }) => replicated)).size, 1);
  });
});

test("a forward of two rows gives the one its result and names the other", async () => {
  const path = await poisonedModel("token_embd.weight", 499);
  await withModel(path, async ({ engine }) => {
    const row = { sequence: 0, want: "candidates", temperature: 0 } as const;
    const { rows, failures } = await engine.forward("exact", [
      { ...row, token: 1, position: 0 },
      { ...row, token: 499, position: 1 },
    ]);
    assert.ok(rows[0] !== undefined && rows[1] === undefined && rows.length === 2);
    assert.is(failures.length, 1);
    const [failure] = failures;
    assert.ok(failure instanceof Error);
    const { code, row: index, sequence, position, op, layer } = failure;
    assert.equal(
      { code, index, sequence, position, op, layer },
      {
        code: "NUMBER_NOT_FINITE",
        index: 1,
        sequence: 0,
        position: 1,
        op: "embedding",
        layer: undefined,
      },
    );
    const alone = await engine.forward("exact", [{ ...row, token: 1, position: 0 }]);
    assert.equal(alone.rows, rows.slice(0, 1));
  });
});

test.run();
