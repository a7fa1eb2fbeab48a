/** The command line of `dllama convert`. */

import type { CommandSpec } from "./command-spec.ts";
import { generalFlags, weightsFloatTypeChoice } from "./shared-flags.ts";
import { path, wholeNumber } from "./value-types.ts";

export const convertSpec = {
  name: "convert",
  summary: "Convert Meta's Llama checkpoint folder to a GGUF model",
  positionals: {
    folder: {
      placeholder: "FOLDER",
      type: path,
      required: true,
      description: "the folder with params.json and consolidated.*.pth",
    },
    type: {
      placeholder: "TYPE",
      type: weightsFloatTypeChoice,
      required: true,
      description: "the format of the weights: q40 (4 bits), q80 (8 bits), f16 or f32",
    },
  },
  flags: {
    output: {
      kind: "option",
      aliases: ["-o"],
      placeholder: "FILE",
      type: path,
      defaultText: "FOLDER-TYPE.gguf beside the folder",
      description: "The file to write.",
    },
    tokenizer: {
      kind: "option",
      placeholder: "FILE",
      type: path,
      defaultText: "in the folder, then in its parent",
      description: "The checkpoint's tokenizer.model.",
    },
    "context-length": {
      kind: "option",
      placeholder: "TOKENS",
      type: wholeNumber({ min: 1, max: 2 ** 24 }),
      defaultText: "from params.json, else what the model's family has",
      description: "Tokens of context that the model was trained for.",
    },
    "dry-run": {
      kind: "toggle",
      description:
        "List the tensors and the size; write nothing, need only params.json and the tokenizer.",
    },
    force: { kind: "toggle", description: "Replace the output file if there is one." },
    ...generalFlags,
  },
  examples: ["dllama convert llama-2-7b q40", "dllama convert llama-2-7b q40 --dry-run"],
} as const satisfies CommandSpec;
