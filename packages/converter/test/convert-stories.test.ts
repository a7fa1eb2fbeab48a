/**
 * The fixtures' checkpoints, which PyTorch wrote, against the weights that they were made from: the
 * f32 values in llama2.c's file, rounded here as torch rounds them.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import { convert } from "../src/index.ts";
import { assertModel } from "./model.ts";
import type { ExpectedTensor } from "./model.ts";
import { bf16ToNumber, f16ToNumber, numberToBf16, numberToF16 } from "./reference.ts";
import { FIXTURES, withFolder } from "./synthetic/checkpoint.ts";

const DIM = 64;
const HIDDEN_DIM = 172;
const N_LAYERS = 5;
const KV_DIM = 32;
const HEAD_DIM = 8;
const VOCAB_SIZE = 512;

/** llama2.c's `.bin`: seven integers, then each kind of tensor for all layers. */
async function readStories(round: (value: number) => number): Promise<Map<string, ExpectedTensor>> {
  const bytes = await readFile(join(FIXTURES, "stories260K.bin"));
  const tensors = new Map<string, ExpectedTensor>();
  let position = 28;
  const take = (name: string, shape: number[]) => {
    const nValues = shape.reduce((product, size) => product * size, 1);
    const start = position;
    const values = Float32Array.from({ length: nValues }, (_, n) =>
      round(bytes.readFloatLE(start + 4 * n)),
    );
    position += 4 * nValues;
    tensors.set(name, { shape, values });
  };
  const takeLayers = (name: string, shape: number[]) => {
    for (let layer = 0; layer < N_LAYERS; layer += 1) take(`layers.${layer}.${name}.weight`, shape);
  };
  take("tok_embeddings.weight", [VOCAB_SIZE, DIM]);
  takeLayers("attention_norm", [DIM]);
  takeLayers("attention.wq", [DIM, DIM]);
  takeLayers("attention.wk", [KV_DIM, DIM]);
  takeLayers("attention.wv", [KV_DIM, DIM]);
  takeLayers("attention.wo", [DIM, DIM]);
  takeLayers("ffn_norm", [DIM]);
  takeLayers("feed_forward.w1", [HIDDEN_DIM, DIM]);
  takeLayers("feed_forward.w2", [DIM, HIDDEN_DIM]);
  takeLayers("feed_forward.w3", [HIDDEN_DIM, DIM]);
  take("norm.weight", [DIM]);
  const embedding = tensors.get("tok_embeddings.weight");
  if (embedding !== undefined) tensors.set("output.weight", embedding);
  return tensors;
}

const checkpoints = [
  { name: "meta", round: (value: number) => bf16ToNumber(numberToBf16(value)) },
  { name: "meta-mp2", round: (value: number) => f16ToNumber(numberToF16(value)) },
];

for (const { name, round } of checkpoints) {
  for (const type of ["q40", "q80", "f16", "f32"] as const) {
    test(`${name} to ${type}`, () =>
      withFolder(async (folder) => {
        const output = join(folder, "model.gguf");
        await convert({ folder: join(FIXTURES, "stories260K", name), type, output });
        await assertModel(output, await readStories(round), HEAD_DIM, type);
      }));
  }
}

test.run();
