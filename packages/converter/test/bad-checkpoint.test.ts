/** Checkpoints that are incomplete, damaged, hostile or of another format. */

import {
  copyFile,
  link,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ErrorCode } from "@dllama/core";
import type { FloatType } from "../src/float-types.ts";
import { convert } from "../src/index.ts";
import { assertRejects } from "./errors.ts";
import {
  FIXTURES,
  SMALL_PARAMS,
  SMALL_TOKENIZER,
  randomTensor,
  shapesOf,
  slice,
  withFolder,
  writeCheckpoint,
  writePart,
} from "./synthetic/checkpoint.ts";
import type { CheckpointOptions } from "./synthetic/checkpoint.ts";
import { global, op, text, tuple } from "./synthetic/pickle.ts";

interface Damage {
  options?: CheckpointOptions;
  /** Spoils the checkpoint in `folder`. */
  spoil: (folder: string) => Promise<unknown>;
}

/** The conversion fails so, and leaves nothing behind. */
async function assertRefused(
  { options, spoil }: Damage,
  code: ErrorCode,
  ...parts: string[]
): Promise<void> {
  await withFolder(async (parent) => {
    const folder = join(parent, "model");
    await writeCheckpoint(folder, options);
    await spoil(folder);
    const output = join(parent, "out.gguf");
    await assertRejects(() => convert({ folder, type: "f16", output }), code, ...parts);
    assert.equal(await readdir(parent), ["model"]);
  });
}

const part = (folder: string, n = 0) => join(folder, `consolidated.0${n}.pth`);
const nothing = () => Promise.resolve();

/** An archive that says that its directory lies where no file reaches, which Node refuses to read. */
async function writeFarDirectory(path: string): Promise<void> {
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50);
  locator.writeBigUInt64LE(2n ** 57n, 8);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  await writeFile(path, Buffer.concat([Buffer.from("PK\x03\x04"), locator, end]));
}

const parts: [string, Damage, ErrorCode, ...string[]][] = [
  [
    "a directory beyond 2^53 bytes",
    { spoil: (folder) => writeFarDirectory(part(folder)) },
    "CHECKPOINT_MALFORMED",
    "no whole zip archive",
    " of 46",
  ],
  [
    "no part",
    { spoil: (folder) => rm(part(folder)) },
    "CHECKPOINT_MALFORMED",
    "consolidated.00.pth",
    "no part at all",
  ],
  [
    "a part missing in the middle",
    { options: { nParts: 3 }, spoil: (folder) => rm(part(folder, 1)) },
    "CHECKPOINT_MALFORMED",
    "has no consolidated.01.pth",
  ],
  [
    "the last part missing",
    { options: { nParts: 2 }, spoil: (folder) => rm(part(folder, 1)) },
    "CHECKPOINT_MALFORMED",
    "64 columns of tok_embeddings.weight",
    "128",
  ],
  [
    "a part too many",
    { options: { nParts: 2 }, spoil: (folder) => copyFile(part(folder), part(folder, 2)) },
    "CHECKPOINT_MALFORMED",
    "3 parts",
    "192 columns",
  ],
  [
    "parts of different value types",
    {
      options: { nParts: 2 },
      spoil: async (folder) => {
        await writeCheckpoint(join(folder, "other"), { nParts: 2, type: "f16" });
        await copyFile(part(join(folder, "other"), 1), part(folder, 1));
      },
    },
    "CHECKPOINT_MALFORMED",
    "the parts disagree",
    "bf16 in consolidated.00.pth",
    "f16 in consolidated.01.pth",
  ],
];

const whole: [string, Damage, ErrorCode, ...string[]][] = [
  [
    "a part that was fetched twice",
    { options: { nParts: 2 }, spoil: (folder) => copyFile(part(folder), part(folder, 1)) },
    "CHECKPOINT_MALFORMED",
    "consolidated.01.pth has the same weights as consolidated.00.pth",
  ],
  [
    "a part that is a link to another",
    {
      options: { nParts: 2 },
      spoil: async (folder) => {
        await rm(part(folder, 1));
        await link(part(folder), part(folder, 1));
      },
    },
    "CHECKPOINT_MALFORMED",
    "consolidated.01.pth has the same weights as consolidated.00.pth",
  ],
  [
    "a part of another model",
    {
      options: { nParts: 2 },
      spoil: async (folder) => {
        const other = join(folder, "other");
        const tensors = await writeCheckpoint(other, { nParts: 2 });
        const halves = shapesOf(SMALL_PARAMS, 512).map(([name, shape, axis], n) => {
          const tensor = randomTensor(name, "bf16", shape, 1000 + n);
          const size = axis === undefined ? 0 : (shape[axis] ?? 0);
          return axis === undefined ? tensor : slice(tensor, axis, size / 2, size);
        });
        assert.is(halves.length, tensors.size);
        await writePart(part(folder, 1), halves);
      },
    },
    "CHECKPOINT_MALFORMED",
    "consolidated.00.pth and consolidated.01.pth differ in layers.0.attention_norm.weight",
  ],
  [
    "parts that have changed places",
    {
      options: { nParts: 2, named: true },
      spoil: async (folder) => {
        await rename(part(folder, 0), part(folder, 2));
        await rename(part(folder, 1), part(folder, 0));
        await rename(part(folder, 2), part(folder, 1));
      },
    },
    "CHECKPOINT_MALFORMED",
    "consolidated.00.pth was saved as consolidated.01.pth",
  ],
];

const shapes: [string, Damage, ErrorCode, ...string[]][] = [
  [
    "more layers than params.json says",
    { spoil: (folder) => writeParams(folder, { n_layers: 1 }) },
    "CHECKPOINT_UNSUPPORTED",
    "layers.1.attention.wq.weight",
  ],
  [
    "fewer layers than params.json says",
    { spoil: (folder) => writeParams(folder, { n_layers: 3 }) },
    "CHECKPOINT_MALFORMED",
    "no tensor layers.2.",
  ],
  [
    "another hidden size",
    { spoil: (folder) => writeParams(folder, { multiple_of: 256 }) },
    "CHECKPOINT_MALFORMED",
    "352 rows of layers.0.feed_forward.w1.weight",
    "512",
  ],
  [
    "another number of KV heads",
    { spoil: (folder) => writeParams(folder, { n_kv_heads: 4 }) },
    "CHECKPOINT_MALFORMED",
    "layers.0.attention.wk.weight",
  ],
  [
    "a vector in a matrix's place",
    {
      spoil: (folder) =>
        writePart(part(folder), [randomTensor("tok_embeddings.weight", "bf16", [512], 0)]),
    },
    "CHECKPOINT_MALFORMED",
    "tok_embeddings.weight has the shape [512]",
    "[512, a share of 128]",
  ],
  [
    "the tokenizer of another model",
    {
      spoil: (folder) =>
        copyFile(join(FIXTURES, "llama2-tokenizer.model"), join(folder, "tokenizer.model")),
    },
    "TOKENIZER_MISMATCH",
    "512",
    "32000",
  ],
];

const files: [string, Damage, ErrorCode, ...string[]][] = [
  [
    "a big-endian part",
    { options: { byteOrder: "big" }, spoil: nothing },
    "CHECKPOINT_UNSUPPORTED",
    '"big"',
  ],
  [
    "PyTorch's format before 1.6",
    { spoil: (folder) => writeFile(part(folder), Buffer.from("80028a0a6cfc9c46f920", "hex")) },
    "CHECKPOINT_UNSUPPORTED",
    "before version 1.6",
  ],
  [
    "no zip at all",
    { spoil: (folder) => writeFile(part(folder), "anything") },
    "CHECKPOINT_MALFORMED",
    "616e7974",
  ],
  [
    "a web page",
    { spoil: (folder) => writeFile(part(folder), "<html>404</html>") },
    "CHECKPOINT_MALFORMED",
    "expected a part of a checkpoint, got a web page",
  ],
  [
    "an empty part",
    { spoil: (folder) => writeFile(part(folder), "") },
    "CHECKPOINT_MALFORMED",
    "nothing",
  ],
  [
    "a pickle that runs a command",
    {
      options: {
        pickle: Buffer.concat([
          op.proto,
          global("os", "system"),
          tuple(text("true")),
          op.reduce,
          op.stop,
        ]),
      },
      spoil: nothing,
    },
    "CHECKPOINT_MALFORMED",
    '"os.system"',
    "refused",
  ],
  [
    "a dictionary that is too large",
    { options: { pickle: Buffer.alloc(2 ** 22 + 1) }, spoil: nothing },
    "CHECKPOINT_MALFORMED",
    "4194305 bytes",
  ],
];

const folders: [string, Damage, ErrorCode, ...string[]][] = [
  [
    "no params.json",
    { spoil: (folder) => rm(join(folder, "params.json")) },
    "CHECKPOINT_MALFORMED",
    "params.json",
  ],
  [
    "no tokenizer",
    { spoil: (folder) => rm(join(folder, "tokenizer.model")) },
    "FILE_NOT_FOUND",
    "tokenizer.model",
  ],
  [
    "a Hugging Face folder",
    {
      spoil: async (folder) => {
        await rm(join(folder, "params.json"));
        await writeFile(join(folder, "model-00001-of-00002.safetensors"), "");
      },
    },
    "CHECKPOINT_UNSUPPORTED",
    "Hugging Face",
    "model-00001-of-00002.safetensors",
  ],
  [
    "an empty folder",
    { spoil: (folder) => rm(folder, { recursive: true }).then(() => mkdir(folder)) },
    "CHECKPOINT_MALFORMED",
    "params.json",
  ],
];

for (const [name, damage, code, ...messages] of [
  ...parts,
  ...whole,
  ...shapes,
  ...files,
  ...folders,
]) {
  test(name, () => assertRefused(damage, code, ...messages));
}

function writeParams(folder: string, fields: object): Promise<void> {
  return writeFile(join(folder, "params.json"), JSON.stringify({ ...SMALL_PARAMS, ...fields }));
}

test("a path that is no folder, or nothing", async () => {
  await assertRejects(
    () => convert({ folder: SMALL_TOKENIZER, type: "f16" }),
    "CHECKPOINT_UNSUPPORTED",
    "is a file",
  );
  await assertRejects(
    () => convert({ folder: "/no/such", type: "f16" }),
    "FILE_NOT_FOUND",
    "/no/such",
  );
});

test("a part cut short, wherever", () =>
  withFolder(async (folder) => {
    await writeCheckpoint(folder);
    const { length } = await readFile(part(folder));
    // Into the last structures of the archive, where each byte counts, and then ever further.
    const cuts = Array.from({ length: 120 }, (_, n) => n + 1);
    for (let cut = 128; cut < length; cut *= 2) cuts.push(cut);
    for (const cut of cuts) {
      await truncate(part(folder), length - cut);
      await assertRejects(
        () => convert({ folder, type: "f16" }),
        "CHECKPOINT_MALFORMED",
        part(folder),
      );
    }
  }));

test("values that the type cannot hold are named", () =>
  withFolder(async (folder) => {
    const tensors = await writeCheckpoint(folder, { type: "f32" });
    const name = "layers.1.feed_forward.w2.weight";
    const { bytes, shape = [] } = tensors.get(name) ?? {};
    const at = 17 * (shape[1] ?? 0) + 5; // row 17, column 5
    const run = async (value: number, type: FloatType) => {
      bytes?.writeFloatLE(value, 4 * at);
      await writePart(part(folder), [...tensors.values()]);
      await convert({ folder, type, output: join(folder, "out.gguf"), force: true });
    };
    const where = [name, "blk.1.ffn_down.weight", "row 17, column 5"];
    await assertRejects(() => run(65_520, "f16"), "VALUE_OUT_OF_RANGE", ...where, "65520");
    await assertRejects(() => run(-1e6, "q40"), "VALUE_OUT_OF_RANGE", ...where, "-1000000");
    await assertRejects(() => run(Number.NaN, "f16"), "NUMBER_NOT_FINITE", ...where, "NaN");
    await assertRejects(() => run(Infinity, "q40"), "NUMBER_NOT_FINITE", ...where, "inf");
    for (const type of ["q40", "q80", "f16", "f32"] as const) {
      for (const value of [Number.NaN, Infinity, -Infinity]) {
        await assertRejects(() => run(value, type), "NUMBER_NOT_FINITE", ...where, type);
      }
    }
    await run(65_519, "f16"); // rounds to 65504, the largest
    assert.equal(
      (await readdir(folder)).filter((file) => file.includes("tmp")),
      [],
    );
  }));

test.run();
