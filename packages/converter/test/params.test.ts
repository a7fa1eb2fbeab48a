/** params.json: Meta's rules, and each way to get it wrong. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readParams } from "../src/sources/meta/params.ts";
import type { LlamaParams } from "../src/sources/meta/params.ts";
import { assertRejects } from "./errors.ts";
import { SMALL_PARAMS, withFolder } from "./synthetic/checkpoint.ts";

async function read(text: string): Promise<LlamaParams> {
  let params: LlamaParams | undefined;
  await withFolder(async (folder) => {
    await writeFile(join(folder, "params.json"), text);
    params = await readParams(join(folder, "params.json"));
  });
  assert.ok(params);
  return params;
}

const readWith = (fields: object) => read(JSON.stringify({ ...SMALL_PARAMS, ...fields }));

test("absent fields have Meta's defaults, and unknown ones are allowed", async () => {
  const params = await readWith({ n_kv_heads: undefined, vocab_size: undefined, lora_rank: 4 });
  assert.is(params.nKvHeads, params.nHeads);
  assert.is(params.vocabSize, -1);
  assert.is(params.ropeTheta, 10_000);
  assert.is(params.headDim, 32);
});

// Code Llama 34B; Llama 3 8B and 70B; hidden sizes as published.
const published = [
  { dim: 8192, n_heads: 64, multiple_of: 256, ffn_dim_multiplier: 1, hiddenDim: 22_016 },
  { dim: 4096, n_heads: 32, multiple_of: 1024, ffn_dim_multiplier: 1.3, hiddenDim: 14_336 },
  { dim: 8192, n_heads: 64, multiple_of: 4096, ffn_dim_multiplier: 1.3, hiddenDim: 28_672 },
];
for (const { hiddenDim, ...fields } of published) {
  test(`hidden size ${hiddenDim}`, async () => {
    assert.is((await readWith(fields)).hiddenDim, hiddenDim);
  });
}

const wrong: [object, string][] = [
  [{ dim: undefined }, "dim is missing"],
  [{ dim: null }, "dim is missing"],
  [{ dim: "4096" }, 'dim is "4096"'],
  [{ dim: 0 }, "dim is 0"],
  [{ dim: -128 }, "dim is -128"],
  [{ dim: 128.5 }, "dim is 128.5"],
  [{ dim: 1e18 }, "dim is 1000000000000000000"],
  [{ n_layers: 1e9 }, "n_layers is 1000000000"],
  [{ n_layers: [] }, "n_layers is []"],
  [{ n_heads: 3 }, "dim 128 by n_heads 3"],
  [{ n_heads: 128 }, "dim 128 by n_heads 128"],
  [{ n_kv_heads: 3 }, "n_kv_heads 3"],
  [{ n_kv_heads: 8 }, "n_kv_heads is 8"],
  [{ multiple_of: 0 }, "multiple_of is 0"],
  [{ ffn_dim_multiplier: -1 }, "ffn_dim_multiplier is -1"],
  [{ dim: 2, n_heads: 1, n_kv_heads: 1, ffn_dim_multiplier: 0.1 }, "width 0"],
  [{ norm_eps: 0 }, "norm_eps is 0"],
  [{ norm_eps: undefined }, "norm_eps is missing"],
  [{ rope_theta: 0 }, "rope_theta is 0"],
  [{ vocab_size: 0 }, "vocab_size is 0"],
  [{ vocab_size: -2 }, "vocab_size is -2"],
  [{ max_seq_len: 1e12 }, "max_seq_len is 1000000000000"],
];
for (const [fields, message] of wrong) {
  test(`refused: ${message}`, async () => {
    await assertRejects(() => readWith(fields), "CHECKPOINT_MALFORMED", "params.json", message);
  });
}

test("no JSON, no object, too large, a folder, nothing", async () => {
  await assertRejects(() => read('{"dim": '), "CHECKPOINT_MALFORMED", "no JSON");
  await assertRejects(() => read(""), "CHECKPOINT_MALFORMED", "no JSON");
  await assertRejects(() => read("[]"), "CHECKPOINT_MALFORMED", "object");
  await assertRejects(() => read("null"), "CHECKPOINT_MALFORMED", "object");
  await assertRejects(() => read(" ".repeat(2 ** 20 + 1)), "CHECKPOINT_MALFORMED", "1048577 bytes");
  await withFolder(async (folder) => {
    await mkdir(join(folder, "params.json"));
    await assertRejects(() => readParams(join(folder, "params.json")), "FILE_UNREADABLE", "folder");
    await assertRejects(() => readParams(join(folder, "none")), "FILE_NOT_FOUND", "none");
  });
});

test("Llama 3.1's stretched RoPE is refused, not ignored", async () => {
  await assertRejects(
    () => readWith({ use_scaled_rope: true }),
    "CHECKPOINT_UNSUPPORTED",
    "use_scaled_rope",
  );
  assert.ok(await readWith({ use_scaled_rope: false }));
});

test.run();
