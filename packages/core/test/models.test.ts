/** Models that the llama family refuses, each with one thing wrong, and what it accepts. */

import { test } from "uvu";
import * as assert from "uvu/assert";

import { encodeGgufHeader } from "../src/gguf/encode-header.ts";
import { readGguf } from "../src/gguf/read-gguf.ts";
import { openModel } from "../src/models/model-family.ts";
import type { OpenModel } from "../src/models/open-model.ts";
import { expectError } from "./support/expect-error.ts";
import { temporaryFile } from "./support/temporary-files.ts";
import { float, size, text, tinyLlama } from "./support/tiny-llama.ts";
import type { TinyTensor } from "./support/tiny-llama.ts";

/** A tensor that the tiny model has. */
function known(tensors: Map<string, TinyTensor>, name: string): TinyTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`no tensor ${name}`);
  return tensor;
}

async function open(change: (model: ReturnType<typeof tinyLlama>) => void): Promise<OpenModel> {
  const model = tinyLlama();
  change(model);
  const { header, nBytes } = encodeGgufHeader({
    metadata: model.metadata,
    tensors: [...model.tensors.values()],
  });
  return openModel(await readGguf(temporaryFile(header, nBytes)));
}

test("a tied output, other types and RoPE factors are accepted", async () => {
  const model = await open(({ tensors, metadata }) => {
    tensors.delete("output");
    metadata.set("llama.rope.scaling.type", text("linear"));
    metadata.set("llama.rope.scaling.factor", float(4));
    tensors.set("rope_freqs", { name: "rope_freqs.weight", type: "f32", shape: [8] });
    for (const name of ["attn_q", "ffn_up"]) known(tensors, `blk.0.${name}`).type = "q40";
  });
  assert.is(model.vocabSize, 40);
  assert.is(model.floatType, "q40");
  const [program] = model.programs({
    worldSize: 1,
    seqLen: 16,
    nSequences: 1,
    maxTokens: 16,
    bufferFloatType: "q80",
    kvCacheType: "f16",
  });
  assert.is(program?.weights.at(-1)?.name, "token_embd.weight");
});

const lies: [
  string,
  "MODEL_MALFORMED" | "MODEL_UNSUPPORTED",
  RegExp,
  Parameters<typeof open>[0],
][] = [
  [
    "another architecture",
    "MODEL_UNSUPPORTED",
    /architecture of llama, got "qwen2"/,
    ({ metadata }) => metadata.set("general.architecture", text("qwen2")),
  ],
  [
    "no architecture",
    "MODEL_MALFORMED",
    /general\.architecture/,
    ({ metadata }) => metadata.delete("general.architecture"),
  ],
  [
    "no dimension",
    "MODEL_MALFORMED",
    /llama\.embedding_length/,
    ({ metadata }) => metadata.delete("llama.embedding_length"),
  ],
  [
    "no layers",
    "MODEL_MALFORMED",
    /1 to 1024 .*block_count.*, got 0/,
    ({ metadata }) => metadata.set("llama.block_count", size(0)),
  ],
  [
    "absurd layers",
    "MODEL_MALFORMED",
    /got 4000000000/,
    ({ metadata }) => metadata.set("llama.block_count", size(4e9)),
  ],
  [
    "heads that are no divisor",
    "MODEL_MALFORMED",
    /head_count/,
    ({ metadata }) => metadata.set("llama.attention.head_count", size(6)),
  ],
  [
    "KV heads that are no divisor",
    "MODEL_MALFORMED",
    /a divisor of 4 .*, got 3/,
    ({ metadata }) => metadata.set("llama.attention.head_count_kv", size(3)),
  ],
  [
    "experts",
    "MODEL_UNSUPPORTED",
    /mixture of experts/,
    ({ metadata }) => metadata.set("llama.expert_count", size(8)),
  ],
  [
    "partial RoPE",
    "MODEL_UNSUPPORTED",
    /rope\.dimension_count of 8/,
    ({ metadata }) => metadata.set("llama.rope.dimension_count", size(8)),
  ],
  [
    "YaRN",
    "MODEL_UNSUPPORTED",
    /RoPE scaling of type "yarn"/,
    ({ metadata }) => metadata.set("llama.rope.scaling.type", text("yarn")),
  ],
  [
    "a negative epsilon",
    "MODEL_MALFORMED",
    /rms_epsilon.*, got -/,
    ({ metadata }) => metadata.set("llama.attention.layer_norm_rms_epsilon", float(-1)),
  ],
  [
    "a frequency base of 0",
    "MODEL_MALFORMED",
    /freq_base/,
    ({ metadata }) => metadata.set("llama.rope.freq_base", float(0)),
  ],
  [
    "a missing tensor",
    "MODEL_MALFORMED",
    /the weights blk\.0\.attn_v\.weight, .* are missing/,
    ({ tensors }) => tensors.delete("blk.0.attn_v"),
  ],
  [
    "a missing layer",
    "MODEL_MALFORMED",
    /blk\.1\.attn_norm/,
    ({ metadata }) => metadata.set("llama.block_count", size(2)),
  ],
  [
    "a shape that disagrees",
    "MODEL_MALFORMED",
    /ffn_down\.weight of 64 x 96 .*, got 64 x 128/,
    ({ tensors }) => (known(tensors, "blk.0.ffn_down").shape = [64, 128]),
  ],
  [
    "an unsupported type",
    "MODEL_UNSUPPORTED",
    /attn_q\.weight as .*, got Q5_0/,
    ({ tensors }) => (known(tensors, "blk.0.attn_q").type = "Q5_0"),
  ],
  [
    "a norm in f16",
    "MODEL_UNSUPPORTED",
    /attn_norm\.weight as f32, got f16/,
    ({ tensors }) => (known(tensors, "blk.0.attn_norm").type = "f16"),
  ],
  [
    "a bias that would be left out",
    "MODEL_UNSUPPORTED",
    /no tensor "blk\.0\.attn_q\.bias"/,
    ({ tensors }) => tensors.set("bias", { name: "blk.0.attn_q.bias", type: "f32", shape: [64] }),
  ],
];

for (const [what, code, pattern, change] of lies) {
  test(`refused: ${what}`, async () => {
    const error = await expectError(code, [pattern], () => open(change));
    assert.ok(error.hint, "an error of a file says what to do next");
  });
}

test("Q80 buffers need whole blocks", async () => {
  const model = await open(({ metadata, tensors }) => {
    metadata.set("llama.embedding_length", size(48));
    for (const tensor of tensors.values()) {
      tensor.shape = tensor.shape.map((n) => (n === 64 ? 48 : n === 32 ? 24 : n));
    }
  });
  const options = {
    worldSize: 2,
    seqLen: 16,
    nSequences: 1,
    maxTokens: 16,
    kvCacheType: "f16",
  } as const;
  await expectError("INVALID_ARGUMENT", ["multiple of 32", "got 48"], () =>
    model.programs({ ...options, bufferFloatType: "q80" }),
  );
  assert.is(model.programs({ ...options, bufferFloatType: "f32" }).length, 2);
});

test("a Q80 cache needs heads of whole blocks", async () => {
  const model = await open(() => {});
  const options = {
    worldSize: 1,
    seqLen: 16,
    nSequences: 1,
    maxTokens: 16,
    bufferFloatType: "q80",
  } as const;
  await expectError("INVALID_ARGUMENT", ["multiple of 32", "q80 KV cache"], () =>
    model.programs({ ...options, kvCacheType: "q80" }),
  );
});

test.run();
