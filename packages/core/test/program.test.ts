/** The Programs of stories260K as text: a changed op shows in review. UPDATE_SNAPSHOTS=1 rewrites. */

import { readFileSync, writeFileSync } from "node:fs";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { readGguf } from "../src/gguf/read-gguf.ts";
import { embeddedModelPath } from "../src/embedded-model.ts";
import { openModel } from "../src/models/model-family.ts";
import type { ProgramOptions } from "../src/models/open-model.ts";
import { dumpProgram } from "../src/program/dump.ts";
import type { Program } from "../src/program/generated/Program.ts";

async function programs(options: Partial<ProgramOptions>): Promise<Program[]> {
  const model = await openModel(await readGguf(embeddedModelPath));
  return model.programs({
    worldSize: 1,
    seqLen: 512,
    nSequences: 1,
    maxTokens: 64,
    bufferFloatType: "q80",
    kvCacheType: "f16",
    ...options,
  });
}

for (const [worldSize, rank] of [
  [1, 0],
  [3, 0],
  [3, 1],
] as const) {
  test(`llama, rank ${rank} of ${worldSize}`, async () => {
    const program = (await programs({ worldSize }))[rank];
    assert.ok(program);
    const text = dumpProgram(program);
    const path = new URL(`snapshots/llama-${rank}-of-${worldSize}.txt`, import.meta.url);
    if (process.env.UPDATE_SNAPSHOTS === "1") writeFileSync(path, text);
    assert.fixture(text, readFileSync(path, "utf8"));
  });
}

test("ranks share one list of ops, and only the root has the embedding table", async () => {
  const all = await programs({ worldSize: 4 });
  const kinds = all.map(({ steps }) => steps.map(({ op }) => op.kind));
  for (const other of kinds) assert.equal(other, kinds[0]);
  const tables = all.map(({ steps }) => steps[0]?.op);
  assert.equal(
    tables.map((op) => op?.kind === "embedding" && op.weight !== null),
    [true, false, false, false],
  );
});

test("with F32 buffers the embedding goes as stored, with Q80 buffers as Q80", async () => {
  const wire = async (options: Partial<ProgramOptions>): Promise<unknown> => {
    const op = (await programs(options))[0]?.steps[0]?.op;
    return op?.kind === "embedding" ? op.wire : op;
  };
  assert.is(await wire({ worldSize: 2, bufferFloatType: "f32" }), "f32");
  assert.is(await wire({ worldSize: 2, bufferFloatType: "q80" }), "q80");
  assert.is(await wire({ worldSize: 1, bufferFloatType: "q80" }), "f32", "one rank has no wire");
});

test.run();
