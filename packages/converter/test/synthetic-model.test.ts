/** Models of zeros in sparse files: what they promise, that they load, what they refuse. */

import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { loadModel, readGguf } from "@dllama/core";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { planSyntheticModel, writeSparseModel } from "../src/index.ts";
import { SHAPES, shapeParams } from "../src/synthetic/shapes.ts";
import type { ShapeName } from "../src/synthetic/shapes.ts";

const folder = mkdtempSync(join(tmpdir(), "dllama-synthetic-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Parameters in 10^9, as the models' papers and files count them. */
const BILLIONS: Partial<Record<ShapeName, number>> = {
  "tinyllama-1.1b": 1.1,
  "llama2-7b": 6.738,
  "llama2-13b": 13.016,
  "llama3-8b": 8.03,
};

for (const shape of Object.keys(SHAPES) as ShapeName[]) {
  test(`${shape} has its parameters, and matrices in Q40 alone`, () => {
    const { tensors, notes } = planSyntheticModel({ shape });
    assert.equal(notes, []);
    const types = new Set(tensors.filter((t) => t.shape.length > 1).map((t) => t.type));
    // The embedding is looked up, not multiplied with: its size costs no time.
    assert.equal([...types].toSorted(), ["q40", "q80"]);
    const n = tensors.reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b), 0) / 1e9;
    const expected = BILLIONS[shape];
    if (expected !== undefined) assert.ok(Math.abs(n / expected - 1) < 0.001, `${n}`);
  });
}

test("the context grows where more is asked for, and never shrinks", () => {
  assert.is(shapeParams("tiny").contextLength, 512);
  assert.is(shapeParams("tiny", 100).contextLength, 512);
  assert.is(shapeParams("tiny", 5000).contextLength, 5000);
});

test("a sparse model is read back, takes hardly any room, and computes", async () => {
  const path = join(folder, "tiny.gguf");
  await writeSparseModel(path, { shape: "tiny", contextLength: 600 });
  const plan = planSyntheticModel({ shape: "tiny", contextLength: 600 });
  const { size, blocks } = statSync(path);
  assert.is(size, plan.nBytes);
  // st_blocks counts 512 bytes each.
  assert.ok(blocks * 512 < size / 4, `${blocks * 512} of ${size} bytes on the disk`);
  assert.equal(Buffer.compare(readFileSync(path).subarray(0, plan.header.length), plan.header), 0);
  const { tensors } = await readGguf(path);
  assert.is(tensors.size, plan.tensors.length);
  const model = await loadModel({ path, nthreads: 2 });
  assert.is(model.info.contextLength, 600);
  const ids: number[] = [];
  const run = model.generate("Any text", { steps: 3, temperature: 0, ignoreEos: true });
  for await (const { id } of run) ids.push(id);
  // All logits are zero, finite that is: of equals the lowest id is the best.
  assert.equal(ids, [0, 0, 0]);
  await model.dispose();
});

test("a file that is there already stays, and a folder that is not is named", async () => {
  const path = join(folder, "there.gguf");
  await writeSparseModel(path, { shape: "tiny" });
  for (const [target, code] of [
    [path, "FILE_EXISTS"],
    [join(folder, "none", "a.gguf"), "FILE_NOT_FOUND"],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const error = await writeSparseModel(target, { shape: "tiny" }).catch((e: unknown) => e);
    assert.ok(error instanceof Error && "code" in error && error.code === code, String(error));
  }
});

test.run();
