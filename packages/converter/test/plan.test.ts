/** What is known from params.json and the tokenizer alone. */

import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { planConversion } from "../src/index.ts";
import { assertRejects } from "./errors.ts";
import { FIXTURES, SMALL_PARAMS, SMALL_TOKENIZER, withFolder } from "./synthetic/checkpoint.ts";

const LLAMA2_TOKENIZER = join(FIXTURES, "llama2-tokenizer.model");
const STORIES = join(FIXTURES, "stories260K/meta");
const GIB = 2 ** 30;

async function writeFolder(
  folder: string,
  params: object,
  tokenizer = LLAMA2_TOKENIZER,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "params.json"), JSON.stringify(params));
  await copyFile(tokenizer, join(folder, "tokenizer.model"));
}

// As Meta ships them.
const base = { norm_eps: 1e-5, vocab_size: -1 };
const LLAMA2 = {
  "7B": { dim: 4096, multiple_of: 256, n_heads: 32, n_layers: 32, ...base },
  "13B": { dim: 5120, multiple_of: 256, n_heads: 40, n_layers: 40, ...base },
  "70B": {
    dim: 8192,
    multiple_of: 4096,
    ffn_dim_multiplier: 1.3,
    n_heads: 64,
    n_kv_heads: 8,
    n_layers: 80,
    ...base,
  },
};

const sizes = [
  { name: "7B", hiddenDim: 11_008, nTensors: 291, maxGiB: 3.95 },
  { name: "13B", hiddenDim: 13_824, nTensors: 363, maxGiB: 7.35 },
  { name: "70B", hiddenDim: 28_672, nTensors: 723, maxGiB: 36.98 },
] as const;

for (const { name, hiddenDim, nTensors, maxGiB } of sizes) {
  test(`Llama 2 ${name} in q40`, () =>
    withFolder(async (folder) => {
      await writeFolder(folder, LLAMA2[name]);
      const plan = await planConversion({ folder, type: "q40" });
      assert.is(plan.params.hiddenDim, hiddenDim);
      assert.is(plan.contextLength, 4096);
      assert.is(plan.tensors.length, nTensors);
      assert.equal(plan.notes, []);
      assert.ok(plan.nBytes <= maxGiB * GIB, `${plan.nBytes / GIB} GiB`);
      assert.ok(plan.nBytes > 0.9 * maxGiB * GIB, `${plan.nBytes / GIB} GiB`);
      const sum = plan.tensors.reduce((total, { nBytes }) => total + nBytes, plan.header.length);
      assert.is(plan.nBytes, sum); // Llama 2's tensors need no padding
    }));
}

test("types and notes of shapes that cannot be cut into blocks", async () => {
  const plan = await planConversion({ folder: STORIES, type: "q40" });
  const types = new Map(plan.tensors.map(({ name, type }) => [name, type]));
  assert.is(types.get("token_embd.weight"), "q80");
  assert.is(types.get("output.weight"), "q40");
  assert.is(types.get("blk.0.attn_q.weight"), "q40");
  assert.is(types.get("blk.0.attn_output.weight"), "f16");
  assert.is(types.get("blk.4.ffn_down.weight"), "f16");
  assert.is(types.get("blk.4.ffn_norm.weight"), "f32");
  assert.is(plan.notes.length, 2);
  assert.match(plan.notes[0] ?? "", /attn_output.*F16.*heads of 8.*5 tensors/);
  assert.match(plan.notes[1] ?? "", /ffn_down.*F16.*172.*5 tensors/);
  assert.equal((await planConversion({ folder: STORIES, type: "f16" })).notes, []);
});

test("the context length: the option, max_seq_len, or what the other fields tell", () =>
  withFolder(async (folder) => {
    const contextOf = async (fields: object, contextLength?: number) => {
      await writeFolder(folder, { ...SMALL_PARAMS, ...fields }, SMALL_TOKENIZER);
      return (await planConversion({ folder, type: "f32", contextLength })).contextLength;
    };
    assert.is(await contextOf({}), 4096);
    assert.is(await contextOf({ norm_eps: 1e-6 }), 2048);
    assert.is(await contextOf({ rope_theta: 1e6 }), 16_384);
    assert.is(await contextOf({ max_seq_len: 1024 }), 1024);
    assert.is(await contextOf({ max_seq_len: 1024 }, 77), 77);
    await assertRejects(() => contextOf({ norm_eps: 1e-4 }), "INVALID_ARGUMENT", "norm_eps");
    for (const wrong of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
      await assertRejects(() => contextOf({}, wrong), "INVALID_ARGUMENT", String(wrong));
    }
  }));

test("the output stands beside the folder, whatever way the folder is written", () =>
  withFolder(async (parent) => {
    const folder = join(parent, "llama-2-7b");
    await writeFolder(folder, SMALL_PARAMS, SMALL_TOKENIZER);
    const expected = join(parent, "llama-2-7b-q40.gguf");
    const spellings = [folder, `${folder}/`, `${folder}/.`, `${parent}/x/../llama-2-7b//`];
    for (const spelling of [...spellings, relative(process.cwd(), folder)]) {
      const plan = await planConversion({ folder: spelling, type: "q40" });
      assert.is(plan.outputPath, expected);
    }
  }));

test("the tokenizer is in the folder, its parent, or where the option says", () =>
  withFolder(async (parent) => {
    const folder = join(parent, "model");
    const inFolder = join(folder, "tokenizer.model");
    await writeFolder(folder, SMALL_PARAMS, SMALL_TOKENIZER);
    await copyFile(LLAMA2_TOKENIZER, join(parent, "tokenizer.model"));
    const vocabSize = async (tokenizer?: string) => {
      const plan = await planConversion({ folder, type: "f32", tokenizer });
      return plan.tensors[0]?.shape[0];
    };
    assert.is(await vocabSize(), 512);
    assert.is(await vocabSize(LLAMA2_TOKENIZER), 32_000);
    assert.is(await vocabSize(join(FIXTURES, "tok512.bin")), 512);
    await rm(inFolder);
    assert.is(await vocabSize(), 32_000);
    await rm(join(parent, "tokenizer.model"));
    await assertRejects(
      () => vocabSize(),
      "FILE_NOT_FOUND",
      inFolder,
      join(parent, "tokenizer.model"),
    );
    await assertRejects(
      () => vocabSize(join(parent, "none")),
      "FILE_NOT_FOUND",
      join(parent, "none"),
    );
  }));

test("a vocab_size that the tokenizer does not have", () =>
  withFolder(async (folder) => {
    await writeFolder(folder, { ...SMALL_PARAMS, vocab_size: 32_000 }, SMALL_TOKENIZER);
    await assertRejects(
      () => planConversion({ folder, type: "f32" }),
      "TOKENIZER_MISMATCH",
      "512",
      "32000",
    );
  }));

test.run();
