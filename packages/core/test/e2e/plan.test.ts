/** The plan of a session: measured once, kept, pinned; it decides bits and nothing else does. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { loadModel, serveWorker } from "../../src/index.ts";
import type { AllReduceChoice, RunningWorker, SessionPlan, SplitChoice } from "../../src/index.ts";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { expectError } from "../support/expect-error.ts";
import { loopback } from "../support/own-token.ts";

const folder = mkdtempSync(join(tmpdir(), "dllama-plan-"));
let workers: RunningWorker[] = [];

test.before(async () => {
  const options = { ...loopback, nthreads: 1 };
  workers = await Promise.all([serveWorker(options), serveWorker(options)]);
});

test.after(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  rmSync(folder, { recursive: true });
});

interface Run {
  plan: SessionPlan | undefined;
  text: string;
  kvCaches: bigint[];
}

async function run(
  allReduce: AllReduceChoice,
  nWorkers = 2,
  split: SplitChoice = "equal",
): Promise<Run> {
  const model = await loadModel({
    nthreads: 1,
    workers: workers.slice(0, nWorkers).map(({ host, port }) => `${host}:${port}`),
    allReduce,
    split,
    cacheFolder: folder,
  });
  try {
    let text = "";
    const options = { steps: 30, seed: 7, ignoreEos: true };
    for await (const token of model.generate("Once upon a time", options)) text += token.text;
    const digests = await model.digests();
    const [{ replicated } = { replicated: 0n }] = digests;
    for (const digest of digests) assert.is(digest.replicated, replicated, "ranks differ");
    return { plan: model.info.plan, text, kvCaches: digests.map(({ kvCache }) => kvCache) };
  } finally {
    await model.dispose();
  }
}

test("a measured plan is kept, and the next session has the same bits", async () => {
  const first = await run("auto");
  assert.is(first.plan?.origin, "measured");
  assert.ok((first.plan?.measurement?.latencyMs ?? 0) > 0);
  assert.ok((first.plan?.measurement?.bytesPerSecond ?? 0) > 0);
  const second = await run("auto");
  assert.equal(second, { ...first, plan: { ...first.plan, origin: "kept" } });
});

test("a pinned plan is followed, and changes no kept one", async () => {
  const kept = await run("auto");
  const [direct, scattered] = [await run("direct"), await run("scattered")];
  for (const { plan } of [direct, scattered]) {
    assert.equal([plan?.origin, plan?.measurement], ["pinned", null]);
  }
  assert.is(direct.plan?.allReduce.scatteredFromBytes, null);
  assert.is(scattered.plan?.allReduce.scatteredFromBytes, 0);
  assert.is.not(direct.plan?.id, scattered.plan?.id);
  // Sums that are encoded once more are others.
  assert.not.equal(direct.kvCaches, scattered.kvCaches);
  assert.equal(await run("scattered"), scattered);
  assert.equal(await run("auto"), { ...kept, plan: { ...kept.plan, origin: "kept" } });
});

test("a split is measured once, shown, and kept; values pin it", async () => {
  const first = await run("direct", 2, "auto");
  assert.is(first.plan?.splitOrigin, "measured");
  assert.is(first.plan?.split.length, 3);
  const second = await run("direct", 2, "auto");
  assert.equal(second, { ...first, plan: { ...first.plan, splitOrigin: "kept" } });
  const pinned = await run("direct", 2, [2, 1, 1]);
  assert.equal([pinned.plan?.split, pinned.plan?.splitOrigin], [[2, 1, 1], "pinned"]);
  assert.is.not(pinned.plan?.id, (await run("direct")).plan?.id);
  assert.equal((await run("direct", 2, [2, 1, 1])).kvCaches, pinned.kvCaches);
});

test("a split that is no weight a rank is refused before anybody is connected to", async () => {
  for (const bad of [
    [1, 1],
    [0, 0, 0],
    [1, -1, 1],
    [1, Number.NaN, 1],
  ]) {
    // oxlint-disable-next-line no-await-in-loop -- one after another
    await expectError("INVALID_ARGUMENT", ["expected a split of"], () => run("direct", 2, bad));
  }
});

test("two ranks are direct, and one has no plan", async () => {
  assert.is((await run("auto", 1)).plan?.allReduce.scatteredFromBytes, null);
  assert.is((await run("auto", 0)).plan, undefined);
});

test("another word is refused", async () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what JavaScript may pass
  const choice = "fast" as AllReduceChoice;
  await expectError("INVALID_ARGUMENT", ["auto, direct or scattered, got fast"], () => run(choice));
});

test.run();
