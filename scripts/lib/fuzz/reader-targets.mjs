/**
 * The decoders of files in TypeScript. Each takes any bytes, and may end well or with a `DllamaError` of the
 * codes that are listed: anything else is a finding.
 */

import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { readParams } from "../../../packages/converter/dist/sources/meta/params.js";
import { openTorchFile } from "../../../packages/converter/dist/torch/archive.js";
import { readStateDictionary } from "../../../packages/converter/dist/torch/pickle.js";
import { readGguf } from "../../../packages/core/dist/gguf/read-gguf.js";
import { openModel } from "../../../packages/core/dist/models/model-family.js";
import { tokenizerFromGguf } from "../../../packages/core/dist/tokenizer/gguf-vocabulary.js";
import { readTokenizer } from "../../../packages/core/dist/tokenizer/read-tokenizer.js";

/** What the tensors of the corpora's models take. */
const TENSOR_BYTES = 200 * 1024;

const TEXT = "Once upon a time, ünïcödé 🦙 <s> <0x0A>";

/**
 * @typedef {object} ReaderTarget
 * @property {readonly string[]} codes of errors that any bytes may give
 * @property {(bytes: Buffer, folder: string) => Promise<void>} read
 */

/** @type {Record<string, ReaderTarget>} */
export const readerTargets = {
  gguf: {
    codes: [
      "NOT_A_MODEL",
      "MODEL_MALFORMED",
      "MODEL_UNSUPPORTED",
      "TOKENIZER_MALFORMED",
      "TOKENIZER_UNSUPPORTED",
    ],
    async read(bytes, folder) {
      const path = join(folder, "model.gguf");
      await writeFile(path, bytes);
      // The input is the header; the tensors are zeros.
      await truncate(path, bytes.length + TENSOR_BYTES);
      const file = await readGguf(path);
      const programs = await openModel(file).then((model) =>
        model.programs({
          worldSize: 1,
          seqLen: Math.min(model.contextLength, 64),
          nSequences: 1,
          maxTokens: 8,
          bufferFloatType: "f32",
          kvCacheType: "f16",
        }),
      );
      JSON.stringify(programs);
      useTokenizer(await tokenizerFromGguf(file));
    },
  },
  tokenizer: {
    codes: ["TOKENIZER_MALFORMED", "TOKENIZER_UNSUPPORTED"],
    async read(bytes, folder) {
      const path = join(folder, "tokenizer.model");
      await writeFile(path, bytes);
      useTokenizer(await readTokenizer(path));
    },
  },
  pickle: {
    codes: ["CHECKPOINT_MALFORMED", "CHECKPOINT_UNSUPPORTED"],
    async read(bytes) {
      readStateDictionary(bytes, "fuzz.pkl");
    },
  },
  torch: {
    codes: ["CHECKPOINT_MALFORMED", "CHECKPOINT_UNSUPPORTED"],
    async read(bytes, folder) {
      const path = join(folder, "consolidated.00.pth");
      await writeFile(path, bytes);
      const { file, tensors } = await openTorchFile(path);
      await file.close();
      for (const { fileOffset } of tensors.values()) {
        if (!(fileOffset <= bytes.length)) throw new Error(`a tensor at ${fileOffset}`);
      }
    },
  },
  params: {
    codes: ["CHECKPOINT_MALFORMED", "CHECKPOINT_UNSUPPORTED"],
    async read(bytes, folder) {
      const path = join(folder, "params.json");
      await writeFile(path, bytes);
      await readParams(path);
    },
  },
};

/** Every id that a text becomes is one that can become text again. */
function useTokenizer(tokenizer) {
  const ids = tokenizer.encode(TEXT);
  for (const id of ids) {
    if (!(Number.isInteger(id) && id >= 0 && id < tokenizer.vocabSize)) throw new Error(`id ${id}`);
  }
  if (typeof tokenizer.decode(ids) !== "string") throw new Error("no text");
}
