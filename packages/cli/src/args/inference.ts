/** The command line of `dllama inference`. */

import type { CommandSpec } from "./command-spec.ts";
import {
  deviceFlags,
  generalFlags,
  maxSeqLen,
  nthreads,
  weightsFloatTypeChoice,
} from "./shared-flags.ts";
import { choice, decimalNumber, orMinusOne, path, text, wholeNumber } from "./value-types.ts";
import type { ValueType } from "./value-types.ts";

const ggufPath: ValueType<string> = {
  expected: "a .gguf file",
  read: (value) => (value.endsWith(".gguf") ? path.read(value) : undefined),
};

export const inferenceSpec = {
  name: "inference",
  summary: "Continue a prompt, on this device or shared over several",
  positionals: {
    model: {
      placeholder: "MODEL.gguf",
      type: ggufPath,
      required: false,
      description: "the model, as with --model",
      hint: 'Put a prompt of several words in quotes: --prompt "Once upon a time". A model that is no .gguf goes to --model.',
    },
  },
  flags: {
    model: {
      kind: "option",
      aliases: ["-m"],
      placeholder: "FILE",
      type: path,
      defaultText: "the small embedded model",
      description: "The GGUF model to run.",
      group: "Model",
    },
    tokenizer: {
      kind: "option",
      placeholder: "FILE",
      type: path,
      defaultText: "the one in the model",
      description:
        "A tokenizer.model, or a tokenizer.bin of llama2.c; must have the model's vocabulary size.",
      group: "Model",
    },
    "max-seq-len": {
      ...maxSeqLen,
      description:
        "Tokens of context, prompt and generated text together. Memory for the KV cache grows with it.",
    },
    "weights-float-type": {
      kind: "option",
      placeholder: "TYPE",
      type: weightsFloatTypeChoice,
      defaultText: "what the file holds",
      description: "Checked against the file; the file decides.",
      group: "Model",
    },
    prompt: {
      kind: "option",
      aliases: ["-p"],
      placeholder: "TEXT",
      type: text,
      defaultText: "piped stdin, else none",
      description: "The text to continue.",
      group: "Prompt",
    },
    file: {
      kind: "option",
      aliases: ["-f"],
      placeholder: "FILE",
      type: path,
      description:
        "Read the prompt from a file, in UTF-8, or with - from stdin. One line break at its end is left out.",
      group: "Prompt",
    },
    steps: {
      kind: "option",
      aliases: ["-n", "--n-predict"],
      placeholder: "TOKENS",
      type: orMinusOne(wholeNumber({ min: 1 })),
      defaultText: "until the model ends its text or the context is full",
      description: "Tokens to generate at most; -1 as without the flag.",
      group: "Generation",
    },
    temperature: {
      kind: "option",
      aliases: ["--temp"],
      placeholder: "X",
      type: decimalNumber({ min: 0, max: 100 }),
      default: 0.8,
      description: "Randomness; 0 always takes the likeliest token.",
      group: "Generation",
    },
    "top-p": {
      kind: "option",
      placeholder: "P",
      type: decimalNumber({ above: 0, max: 1 }),
      default: 0.9,
      description: "Draw among the likeliest tokens whose probabilities add up to P.",
      group: "Generation",
    },
    seed: {
      kind: "option",
      aliases: ["-s"],
      placeholder: "N",
      type: orMinusOne(wholeNumber({ min: 0 })),
      defaultText: "random, and told at the start",
      description: "Start of the random numbers; the same seed gives the same text.",
      group: "Generation",
    },
    "ignore-eos": {
      kind: "toggle",
      description: "Go on after the model has ended its text.",
      group: "Generation",
    },
    nthreads: { ...nthreads, group: "Devices" },
    ...deviceFlags,
    "on-lost": {
      kind: "option",
      placeholder: "WAY",
      type: choice(["wait", "replan", "fail"]),
      default: "wait",
      description:
        "When a device is gone: wait for it to come back and go on with the same text; replan: share the " +
        "model over those left and go on with a text of their own; fail: end with an error.",
      group: "Devices",
    },
    "on-lost-timeout": {
      kind: "option",
      placeholder: "SECONDS",
      type: wholeNumber({ min: 0, max: 86_400 }),
      default: 60,
      description: "How long --on-lost wait waits, in seconds; then it ends with an error.",
      group: "Devices",
    },
    format: {
      kind: "option",
      placeholder: "FORMAT",
      type: choice(["report", "text", "json"]),
      default: "report",
      description:
        "report: a line of figures a token; text: the generated text alone; json: an object a line.",
      group: "Output",
    },
    echo: {
      kind: "toggle",
      description: "With --format text: the prompt before the text.",
      group: "Output",
    },
    ...generalFlags,
  },
  examples: [
    'dllama inference --prompt "Once upon a time" --steps 64',
    'dllama inference llama-2-7b-q40.gguf -p "Hello" --workers 10.0.0.2 10.0.0.3:9999 --steps 32',
    "echo Hello | dllama inference --model llama-2-7b-q40.gguf --format text --seed 1",
  ],
  notes: [
    "A line of the report: G generation time, I inference time, T transfer time (waiting for the network), " +
      "S kB sent and R kB received by this device (1 kB is 1024 bytes), then the text. " +
      "Each covers what happened since the line before.",
  ],
} as const satisfies CommandSpec;
