/** Unequal parts on real ranks: the same text, the bytes that a plan says, and memory that is not taken. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";

import {
  boardByName,
  embeddedModelPath,
  loadModel,
  planModel,
  serveWorker,
} from "../../src/index.ts";
import type { LoadOptions, Model, RunningWorker, SharedRank, Token } from "../../src/index.ts";
import { encodeGgufHeader } from "../../src/gguf/encode-header.ts";
import { readGguf } from "../../src/gguf/read-gguf.ts";
import { loadRanks } from "../../src/load-ranks.ts";
import { openModel } from "../../src/models/model-family.ts";
import { expectError } from "../support/expect-error.ts";
import { expectedAnswers } from "../support/fixtures.ts";
import { temporaryFile } from "../support/temporary-files.ts";
import { size, tinyLlama } from "../support/tiny-llama.ts";
import type { TinyTensor } from "../support/tiny-llama.ts";

const folder = mkdtempSync(join(tmpdir(), "dllama-shares-"));
let workers: RunningWorker[] = [];
const told: string[] = [];

test.before(async () => {
  const options = { port: 0, nthreads: 1 };
  workers = await Promise.all([
    serveWorker(options),
    serveWorker(options),
    serveWorker({
      ...options,
      maxMemory: 600_000,
      onEvent: ({ message }) => void told.push(message),
    }),
  ]);
});

test.after(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  rmSync(folder, { recursive: true });
});

const address = ({ host, port }: RunningWorker): string => `${host}:${port}`;

async function withRanks<T>(options: LoadOptions, use: (model: Model) => Promise<T>): Promise<T> {
  const model = await loadModel({
    nthreads: 1,
    workers: workers.slice(0, 2).map(address),
    cacheFolder: folder,
    ...options,
  });
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}

async function tokens(model: Model, steps: number): Promise<Token[]> {
  const all: Token[] = [];
  const options = { steps, temperature: 0, ignoreEos: true };
  for await (const token of model.generate(expectedAnswers().prompt, options)) all.push(token);
  return all;
}

const exact = { bufferFloatType: "f32", kvCacheType: "f32" } as const;

for (const split of [
  [2, 1, 1],
  [1, 5, 2],
  [0, 1, 1],
  [1, 0, 0],
  [0.1, 3, 0.05],
]) {
  test(`${split.join()}: the text of one rank, with F32 everywhere`, async () => {
    const ids = expectedAnswers().f32.greedy_ids;
    const got = await withRanks({ split, ...exact }, async (model) => {
      assert.equal(model.info.plan?.split, split);
      const all = await tokens(model, 60);
      const digests = await model.digests();
      for (const { replicated } of digests) assert.is(replicated, digests[0]?.replicated);
      return all.map(({ id }) => id);
    });
    const [first = -1] = got;
    const start = ids.indexOf(first);
    assert.equal(got, ids.slice(start, start + got.length));
  });
}

for (const allReduce of ["direct", "scattered"] as const) {
  for (const bufferFloatType of ["q80", "f32"] as const) {
    for (const split of [
      [1, 1, 1],
      [5, 1, 2],
    ]) {
      test(`${allReduce}, ${bufferFloatType}, ${split.join()}: a plan's bytes are a session's`, async () => {
        const pi = boardByName("pi4");
        assert.ok(pi);
        const plan = await planModel({
          path: embeddedModelPath,
          devices: [pi, pi, pi],
          split,
          allReduce,
          bufferFloatType,
        });
        const counts = await withRanks({ split, allReduce, bufferFloatType }, async (model) => {
          const all = await tokens(model, 12);
          return all.map(({ sentBytes, receivedBytes }) => `${sentBytes}, ${receivedBytes}`);
        });
        const [root] = plan.ranks;
        // The prompt's forward gives the first token; a heartbeat may fall into one or another.
        const expected = `${root?.sentBytes}, ${root?.receivedBytes}`;
        const n = counts.filter((count) => count === expected).length;
        assert.ok(n >= 8, `expected ${expected}, got ${counts.join("; ")}`);
      });
    }
  }
}

/** A layer so wide that one row's partial in F32 travels in ranges; all weights are zero. */
function wideLlama(): string {
  const { metadata, tensors } = tinyLlama();
  const [dim, headDim] = [8448, 128];
  metadata.set("llama.embedding_length", size(dim));
  metadata.set("llama.attention.head_count", size(dim / headDim));
  metadata.set("llama.attention.head_count_kv", size(1));
  const sizes = new Map([
    ["attn_q", [dim, dim]],
    ["attn_output", [dim, dim]],
    ["attn_k", [headDim, dim]],
    ["attn_v", [headDim, dim]],
  ]);
  const all = [...tensors.values()].map((tensor): TinyTensor => {
    const known = [...sizes].find(([name]) => tensor.name.includes(name));
    const shape = known?.[1] ?? tensor.shape.map((n) => (n === 64 ? dim : n));
    return { ...tensor, shape, type: shape.length === 1 ? "f32" : "q40" };
  });
  const { header, nBytes } = encodeGgufHeader({ metadata, tensors: all });
  return temporaryFile(header, nBytes);
}

test("bytes of partials that travel in ranges are a session's, too", async () => {
  const path = wideLlama();
  const open = await openModel(await readGguf(path));
  const pi = boardByName("pi4");
  assert.ok(pi);
  for (const [allReduce, nWorkers] of [
    ["direct", 1],
    ["scattered", 1],
    ["direct", 2],
  ] as const) {
    const split = Array.from({ length: nWorkers + 1 }, () => 1);
    const types = { bufferFloatType: "f32", kvCacheType: "f16" } as const;
    const devices = split.map(() => pi);
    // oxlint-disable-next-line no-await-in-loop -- the same workers serve one root after another
    const plan = await planModel({ path, devices, split, allReduce, ...types });
    // oxlint-disable-next-line no-await-in-loop -- see above
    const { engine } = await loadRanks(open, {
      path,
      workers: workers.slice(0, nWorkers).map(address),
      split,
      allReduce,
      cacheFolder: folder,
      nthreads: 1,
      seqLen: 16,
      ...types,
    });
    const counts: string[] = [];
    for (let position = 0; position < 6; position++) {
      const row = { token: 1, position, sequence: 0, want: "candidates", temperature: 1 } as const;
      // oxlint-disable-next-line no-await-in-loop -- see above
      const { sentBytes, receivedBytes } = await engine.forward("exact", [row]);
      counts.push(`${sentBytes}, ${receivedBytes}`);
    }
    // oxlint-disable-next-line no-await-in-loop -- see above
    await engine.dispose();
    const [root] = plan.ranks;
    const expected = `${root?.sentBytes}, ${root?.receivedBytes}`;
    const what = `${allReduce}, ${nWorkers}: expected ${expected}, got ${counts.join("; ")}`;
    assert.ok(counts.filter((count) => count === expected).length >= 3, what);
  }
});

test("what each rank takes is told before it is taken, and is what a plan says", async () => {
  let shared: SharedRank[] = [];
  const split = [2, 1, 1];
  await withRanks({ split, onShared: (ranks) => (shared = ranks) }, async () => {});
  const pi = boardByName("pi4");
  assert.ok(pi);
  const plan = await planModel({ path: embeddedModelPath, devices: [pi, pi, pi], split });
  assert.equal(
    shared.map(({ memory }) => memory),
    plan.ranks.map(({ memory }) => memory),
  );
  assert.equal(
    shared.map((rank) => [rank.address, rank.nThreads]),
    [undefined, ...workers.slice(0, 2).map(address)].map((name) => [name, 1]),
  );
});

test("a worker's limit is respected by auto, and named where a pinned part exceeds it", async () => {
  const [, , limited] = workers;
  assert.ok(limited);
  const options = { workers: [address(limited)], maxSeqLen: 512 };
  await withRanks({ ...options, split: "auto" }, async (model) => {
    const [root = 0, worker = 0] = model.info.plan?.split ?? [];
    assert.ok(worker < root, `${root},${worker}`);
    await tokens(model, 3);
  });
  assert.match(
    told.join("\n"),
    /This rank takes \d+\.\d MiB of memory of 0\.6 MiB that are free: /,
  );
  const error = await expectError(
    "OUT_OF_MEMORY",
    ["the model does not fit", `rank 1 (${address(limited)})`, "too little", /KV cache \d/],
    () => withRanks({ ...options, split: [1, 3] }, async () => {}),
  );
  assert.match(error.hint ?? "", /--split auto/);
});

test.run();
