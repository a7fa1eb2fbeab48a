/** The command line of `dllama plan`. */

import type { CommandSpec } from "./command-spec.ts";
import { shapeChoice } from "./shape-choice.ts";
import {
  bufferFloatType,
  generalFlags,
  kvCacheType,
  maxSeqLen,
  weightsFloatTypeChoice,
} from "./shared-flags.ts";
import { plannedSplit } from "./split.ts";
import { choice, path, text, wholeNumber } from "./value-types.ts";

export const planSpec = {
  name: "plan",
  summary: "Tell what a model would take and give on devices, without running anything",
  positionals: {},
  flags: {
    model: {
      kind: "option",
      aliases: ["-m"],
      placeholder: "FILE",
      type: path,
      defaultText: "none, but a --shape",
      description: "A GGUF model. Only its header is read.",
      group: "Model",
    },
    shape: {
      kind: "option",
      placeholder: "SHAPE",
      type: shapeChoice,
      description: "A model of this shape instead, which need not exist.",
      group: "Model",
    },
    "weights-float-type": {
      kind: "option",
      placeholder: "TYPE",
      type: weightsFloatTypeChoice,
      defaultText: "q40",
      description: "Format of a shape's weights; a file has its own.",
      group: "Model",
    },
    "max-seq-len": {
      ...maxSeqLen,
      description: "Tokens of context that the KV cache has room for.",
    },
    depth: {
      kind: "option",
      aliases: ["-d"],
      placeholder: "TOKENS",
      type: wholeNumber({ min: 0, max: 2 ** 20 }),
      default: 0,
      description: "Tokens that are in the KV cache when the token is computed.",
      group: "Model",
    },
    devices: {
      kind: "list",
      placeholder: "FILE|BOARD ...",
      type: text,
      defaultText: "none, and needed",
      description:
        "The devices, the root first: boards (pi3, pi4, pi4:8gib, pi5, orangepi5, n100, jetson-nano), " +
        "or one JSON file with figures of your own.",
      group: "Devices",
    },
    link: {
      kind: "option",
      placeholder: "LINK",
      type: text,
      default: "1gbit",
      description:
        "The network between them: 1gbit, 100mbit, wifi, or RATE,LATENCY[,shared] such as 250mbit,0.8ms.",
      group: "Devices",
    },
    split: {
      kind: "option",
      placeholder: "SPLIT",
      type: plannedSplit,
      default: "auto",
      description:
        "What part each device has: a weight for each, such as 2,1,1; equal; auto: the best one.",
      group: "Devices",
    },
    "buffer-float-type": bufferFloatType,
    "kv-cache-type": kvCacheType,
    "all-reduce": {
      kind: "option",
      placeholder: "WAY",
      type: choice(["auto", "direct", "scattered"]),
      default: "auto",
      description: "Which way partial sums take; auto: by size, as the figures of the link say.",
      group: "Devices",
    },
    format: {
      kind: "option",
      placeholder: "FORMAT",
      type: choice(["table", "json"]),
      default: "table",
      description: "table: for people; json: one object.",
      group: "Output",
    },
    ...generalFlags,
  },
  examples: [
    "dllama plan --shape llama2-7b --devices pi4:8gib,pi4:8gib,pi5",
    "dllama plan --model llama-2-7b-q40.gguf --devices boards.json --link 100mbit --format json",
  ],
  notes: [
    "A file of devices is a list: a board's name, or an object with name, gbPerSecond (10^9 bytes of weights " +
      "read a second), gops (10^9 multiplications and additions a second) and ramGib (memory that a rank may " +
      "take); an object that names a board replaces some of its figures.",
    "Exit code 1 says that the model does not fit. docs/planning.md has the model of the time and its errors.",
  ],
} as const satisfies CommandSpec;
