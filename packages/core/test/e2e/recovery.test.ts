/** What a caller of the library sees of a lost worker: events, every token once, an end at once when asked. */

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { DllamaError, loadModel, serveWorker } from "../../src/index.ts";
import type {
  ClusterEvent,
  GenerateOptions,
  LoadOptions,
  Model,
  RunningWorker,
} from "../../src/index.ts";
import { expectError } from "../support/expect-error.ts";

const STORY = { steps: 40, seed: 4, ignoreEos: true } as const;

/** Workers of this process, of which each can be closed and started again on its port. */
class Crew {
  readonly workers: (RunningWorker | undefined)[] = [];
  readonly addresses: string[] = [];

  static async of(n: number): Promise<Crew> {
    const crew = new Crew();
    for (let index = 0; index < n; index++) {
      // oxlint-disable-next-line no-await-in-loop -- a few milliseconds each
      const worker = await serveWorker({ port: 0, nthreads: 1 });
      crew.workers.push(worker);
      crew.addresses.push(`${worker.host}:${worker.port}`);
    }
    return crew;
  }

  async close(index: number): Promise<void> {
    await this.workers[index]?.close();
    this.workers[index] = undefined;
  }

  async start(index: number): Promise<void> {
    const port = Number(this.addresses[index]?.split(":").at(-1));
    this.workers[index] = await serveWorker({ port, nthreads: 1 });
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.workers.map(async (worker) => worker?.close()));
  }
}

async function withModel(
  nWorkers: number,
  options: LoadOptions,
  use: (model: Model, crew: Crew) => Promise<void>,
): Promise<void> {
  const crew = await Crew.of(nWorkers);
  const model = await loadModel({ nthreads: 1, workers: crew.addresses, ...options });
  try {
    await use(model, crew);
  } finally {
    await model.dispose();
    await crew.closeAll();
  }
}

interface Told {
  ids: number[];
  /** Events, each with the number of tokens before it. */
  events: (ClusterEvent & { after: number })[];
}

/** Tells a story; `disturb` is called after each token, when the next forward has begun, or is done. */
async function tell(
  model: Model,
  disturb: (n: number) => Promise<void> | void = () => {},
  options: GenerateOptions = {},
): Promise<Told> {
  const told: Told = { ids: [], events: [] };
  const generation = model.generate("Once upon a time", {
    ...STORY,
    onEvent: (event) => told.events.push({ ...event, after: told.ids.length }),
    ...options,
  });
  for await (const token of generation) {
    told.ids.push(token.id);
    await disturb(told.ids.length);
  }
  return told;
}

/** A worker that is closed says so, where there is time. */
function assertLost(error: unknown): void {
  const isLoss = error instanceof DllamaError && /^PEER_(LOST|FAILED)$/.test(error.code);
  assert.ok(isLoss, String(error));
}

test("a worker that is gone between two tokens: a pause, both events, each token once", () =>
  withModel(2, {}, async (model, crew) => {
    const undisturbed = await tell(model);
    assert.equal(undisturbed.events, []);
    const told = await tell(model, async (n) => {
      if (n === 10) await crew.close(1);
      if (n === 10) setTimeout(() => void crew.start(1), 300);
    });
    assert.equal(told.ids, undisturbed.ids);
    const [lost, recovered, ...others] = told.events;
    assert.equal(others, []);
    assert.ok(lost?.type === "lost" && recovered?.type === "recovered");
    assert.equal([lost.rank, lost.address], [2, crew.addresses[1]]);
    assert.match(lost.reason, /rank 2/);
    assert.equal([recovered.rank, recovered.worldSize], [2, 3]);
    assert.ok(lost.after === 10 || lost.after === 11, `after ${lost.after} tokens`);
    assert.is(recovered.after, lost.after);
    assert.ok(recovered.afterMs >= 250, `${recovered.afterMs} ms`);
  }));

test("two workers gone at once, and the recovery itself disturbed", () =>
  withModel(3, {}, async (model, crew) => {
    const undisturbed = await tell(model);
    let nLost = 0;
    const onEvent = (event: ClusterEvent): void => {
      if (event.type === "lost" && nLost++ === 0) {
        setTimeout(() => void crew.start(0), 100);
        // One comes back and goes again while the other is still awaited.
        setTimeout(() => void crew.start(2).then(() => crew.close(2)), 100);
        setTimeout(() => void crew.start(2), 1500);
      }
    };
    const disturb = async (n: number): Promise<void> => {
      if (n === 10) await Promise.all([crew.close(0), crew.close(2)]);
    };
    const told = await tell(model, disturb, { onEvent });
    assert.equal(told.ids, undisturbed.ids);
  }));

test("an idle worker that was restarted is noticed by the next generation, which prefills anew", () =>
  withModel(1, {}, async (model, crew) => {
    const undisturbed = await tell(model);
    await crew.close(0);
    await crew.start(0);
    const told = await tell(model);
    assert.equal(told.ids, undisturbed.ids);
    assert.equal(
      told.events.map(({ type, after }) => [type, after]),
      [
        ["lost", 0],
        ["recovered", 0],
      ],
    );
    assert.equal((await tell(model)).events, []);
  }));

test("a worker that is gone with the last token costs nothing, and the next generation goes on", () =>
  withModel(1, {}, async (model, crew) => {
    const undisturbed = await tell(model);
    const told = await tell(model, (n) => (n === STORY.steps ? crew.close(0) : undefined));
    assert.equal(told, undisturbed);
    await crew.start(0);
    assert.equal((await tell(model)).ids, undisturbed.ids);
  }));

test("fail ends the generation; so does wait after its time, and a later generation tries again", async () => {
  await withModel(1, { onLost: "fail" }, async (model, crew) => {
    const disturbed = tell(model, (n) => (n === 5 ? crew.close(0) : undefined));
    assertLost(await disturbed.catch((thrown: unknown) => thrown));
  });
  await withModel(1, { onLostTimeoutMs: 300 }, async (model, crew) => {
    const undisturbed = await tell(model);
    await crew.close(0);
    await expectError("PEER_LOST", ["last attempt"], () => tell(model));
    await crew.start(0);
    assert.equal((await tell(model)).ids, undisturbed.ids);
  });
});

test("replan goes on with those left, and the model says with how many", () =>
  withModel(2, { onLost: "replan" }, async (model, crew) => {
    const told = await tell(model, (n) => (n === 10 ? crew.close(0) : undefined));
    assert.is(told.ids.length, STORY.steps);
    assert.equal(
      told.events.map(({ type }) => type),
      ["lost", "recovered"],
    );
    assert.is(model.info.worldSize, 2);
    const next = await tell(model, (n) => (n === 10 ? crew.close(1) : undefined));
    assert.is(next.ids.length, STORY.steps);
    assert.is(model.info.worldSize, 1);
  }));

/** A load during which the second of two workers goes; `wait` has it come back. */
async function loadDisturbed(
  crew: Crew,
  onLost: "wait" | "replan" | "fail",
): Promise<{ model: Model; events: ClusterEvent[] }> {
  const events: ClusterEvent[] = [];
  let nShared = 0;
  const model = await loadModel({
    nthreads: 1,
    workers: crew.addresses,
    onLost,
    // All have met, and nothing has been sent.
    onShared: () => {
      if (nShared++ === 0) void crew.close(1);
    },
    onEvent: (event) => {
      events.push(event);
      if (event.type === "lost" && onLost === "wait") setTimeout(() => void crew.start(1), 300);
    },
  });
  return { model, events };
}

for (const [onLost, worldSize] of [
  ["wait", 3],
  ["replan", 2],
] as const) {
  test(`${onLost}: a worker that is gone while the model loads costs a pause`, async () => {
    const crew = await Crew.of(2);
    try {
      const { model, events } = await loadDisturbed(crew, onLost);
      const [lost, recovered, ...others] = events;
      assert.equal(others, []);
      assert.ok(lost?.type === "lost" && recovered?.type === "recovered");
      assert.equal([lost.rank, lost.address, lost.onLost], [2, crew.addresses[1], onLost]);
      assert.equal([recovered.rank, recovered.worldSize], [2, worldSize]);
      assert.is(model.info.worldSize, worldSize);
      assert.is((await tell(model)).ids.length, STORY.steps);
      await model.dispose();
    } finally {
      await crew.closeAll();
    }
  });
}

test("fail: a worker that is gone while the model loads ends the load", async () => {
  const crew = await Crew.of(2);
  try {
    const error = await loadDisturbed(crew, "fail").catch((thrown: unknown) => thrown);
    assertLost(error);
  } finally {
    await crew.closeAll();
  }
});

for (const onLost of ["wait", "replan"] as const) {
  test(`${onLost}: a signal ends a recovery at once, and the model can be used again`, () =>
    withModel(1, { onLost }, async (model, crew) => {
      const { signal, stop } = stopper();
      const told = await tell(model, (n) => (n === 10 ? crew.close(0) : undefined), {
        signal,
        onEvent: stop,
      });
      assert.ok(told.ids.length <= 11, `${told.ids.length} tokens`);
      await crew.start(0);
      assert.is((await tell(model)).ids.length, STORY.steps);
    }));

  test(`${onLost}: dispose() ends a recovery at once`, () =>
    withModel(1, { onLost }, async (model, crew) => {
      const dispose = (): void => void model.dispose();
      await expectError("DISPOSED", [], () =>
        tell(model, (n) => (n === 10 ? crew.close(0) : undefined), { onEvent: dispose }),
      );
    }));
}

test("who stops listening while a worker is awaited frees the turn at once", () =>
  withModel(1, {}, async (model, crew) => {
    const { signal, stop } = stopper();
    let n = 0;
    for await (const _ of model.generate("Once", { ...STORY, onEvent: stop })) {
      if (++n === 1) {
        // The forward of the second token, which has begun, is done by then.
        await sleep(500);
        await crew.close(0);
        continue;
      }
      // That of the third fails while this loop has the second.
      if (!signal.aborted) await once(signal, "abort");
      break;
    }
    await crew.start(0);
    assert.is((await tell(model)).ids.length, STORY.steps);
  }));

function stopper(): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, stop: () => controller.abort() };
}

test("options that are none are refused", async () => {
  const lie = (options: object): Promise<unknown> => loadModel(options);
  await expectError("INVALID_ARGUMENT", ["wait, replan or fail"], () => lie({ onLost: "retry" }));
  await expectError("INVALID_ARGUMENT", ["onLostTimeoutMs"], () => lie({ onLostTimeoutMs: -1 }));
});

test.run();
