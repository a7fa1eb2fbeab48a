/** Checkpoints of all value types, numbers of parts and zip flavours, against the reference. */

import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { convert } from "../src/index.ts";
import type { FloatType } from "../src/index.ts";
import { assertModel } from "./model.ts";
import {
  FIXTURES,
  SMALL_PARAMS,
  valuesOf,
  withFolder,
  writeCheckpoint,
} from "./synthetic/checkpoint.ts";
import type { CheckpointOptions } from "./synthetic/checkpoint.ts";

const HEAD_DIM = 32;

/** Returns how often progress was reported. */
async function convertAndCheck(options: CheckpointOptions, type: FloatType): Promise<number> {
  let nReports = 0;
  await withFolder(async (folder) => {
    const source = join(folder, "source");
    const tensors = await writeCheckpoint(source, options);
    const output = join(folder, "model.gguf");
    const reports: number[] = [];
    const plan = await convert(
      { folder: source, type, output },
      { onProgress: ({ doneBytes, totalBytes }) => reports.push(doneBytes / totalBytes) },
    );
    assert.equal(plan.notes, []);
    const expected = new Map(
      [...tensors].map(([name, tensor]) => [
        name,
        { shape: tensor.shape, values: valuesOf(tensor) },
      ]),
    );
    await assertModel(output, expected, HEAD_DIM, type);
    assert.equal(
      reports,
      reports.toSorted((a, b) => a - b),
    );
    assert.ok((reports.at(-1) ?? 0) > 0.999);
    nReports = reports.length;
  });
  return nReports;
}

const cases: [CheckpointOptions, FloatType][] = [
  [{ type: "bf16" }, "f32"],
  [{ type: "bf16", nParts: 4 }, "q40"],
  [{ type: "f16", nParts: 8 }, "q80"],
  [{ type: "f16", nParts: 2 }, "f16"],
  [{ type: "f32", nParts: 4 }, "f16"],
  [{ type: "f32", nParts: 3 }, "f32"], // no power of two, and pieces of unequal size
  [{ type: "f32", zip64: true }, "q40"],
  [{ type: "bf16", byteOrder: "" }, "q80"], // PyTorch before 2.1 writes no byte order
];
for (const [options, type] of cases) {
  test(`${JSON.stringify(options)} to ${type}`, async () => {
    await convertAndCheck(options, type);
  });
}

test("tensors of several chunks", async () => {
  const tokenizer = join(FIXTURES, "llama2-tokenizer.model");
  const options: CheckpointOptions = {
    tokenizer,
    vocabSize: 32_000,
    nParts: 3,
    params: SMALL_PARAMS,
  };
  const nReports = await convertAndCheck(options, "q40");
  const nTensors = 3 + 9 * SMALL_PARAMS.n_layers;
  // 4,096,000 values make four chunks of a MiB of values each, in the embedding and the output.
  assert.is(nReports, 1 + nTensors + 2 * 3);
});

test.run();
