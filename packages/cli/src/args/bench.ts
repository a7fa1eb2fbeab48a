/** The command line of `dllama bench`. */

import type { CommandSpec } from "./command-spec.ts";
import { shapeChoice } from "./shape-choice.ts";
import { deviceFlags, generalFlags, nthreads } from "./shared-flags.ts";
import { choice, path, wholeNumber } from "./value-types.ts";

export const benchSpec = {
  name: "bench",
  summary: "Measure how fast this device, or several, compute a model",
  positionals: {},
  flags: {
    model: {
      kind: "option",
      aliases: ["-m"],
      placeholder: "FILE",
      type: path,
      defaultText: "none, but a --shape",
      description: "A GGUF model to measure.",
      group: "Model",
    },
    shape: {
      kind: "option",
      placeholder: "SHAPE",
      type: shapeChoice,
      defaultText: "tinyllama-1.1b",
      description:
        "Measure a synthetic model of this shape instead: Q40 weights, all zero, in a temporary file " +
        "that takes no room on the disk. Nothing is downloaded.",
      group: "Model",
    },
    "prompt-tokens": {
      kind: "list",
      aliases: ["-p"],
      placeholder: "TOKENS ...",
      type: wholeNumber({ min: 0, max: 2 ** 20 }),
      default: [64, 512],
      description: "Prompts to time, by their tokens; 0 for none.",
      group: "Tests",
    },
    "generated-tokens": {
      kind: "list",
      aliases: ["-n"],
      placeholder: "TOKENS ...",
      type: wholeNumber({ min: 0, max: 2 ** 20 }),
      default: [32],
      description: "Generations to time, by their tokens; 0 for none.",
      group: "Tests",
    },
    sequences: {
      kind: "list",
      placeholder: "N ...",
      type: wholeNumber({ min: 1, max: 1024 }),
      default: [1],
      description: "Generations to time together: so many sequences, a token of each a forward.",
      group: "Tests",
    },
    depth: {
      kind: "list",
      aliases: ["-d"],
      placeholder: "TOKENS ...",
      type: wholeNumber({ min: 0, max: 2 ** 20 }),
      default: [0],
      description: "Tokens that are in the KV cache before each test.",
      group: "Tests",
    },
    runs: {
      kind: "option",
      aliases: ["-r"],
      placeholder: "N",
      type: wholeNumber({ min: 1, max: 1000 }),
      default: 3,
      description: "Timed runs of each test. Each begins with a token that is not timed.",
      group: "Tests",
    },
    nthreads: {
      ...nthreads,
      kind: "list",
      placeholder: "N ...",
      description: "Threads that compute; every test runs with each.",
      group: "Devices",
    },
    ...deviceFlags,
    format: {
      kind: "option",
      placeholder: "FORMAT",
      type: choice(["table", "json", "markdown"]),
      default: "table",
      description: "table: for people; json: an object a line; markdown: a table for documents.",
      group: "Output",
    },
    ...generalFlags,
  },
  examples: [
    "dllama bench",
    "dllama bench --shape llama2-7b --depth 0,2000 --nthreads 1,2",
    "dllama bench --prompt-tokens 0 --sequences 1,2,4,8",
    "dllama bench --model llama-2-7b-q40.gguf --workers 10.0.0.2 10.0.0.3 --format json",
  ],
  notes: [
    "Tokens a second: the median of the runs, and their minimum and maximum, of all sequences together; " +
      "with how many times those of one sequence, where that is among the tests. Weights: GB (10^9 bytes) of " +
      "weights that all devices read a second. Of read loop: this device's weights a second, against a " +
      "plain loop that reads as many bytes with as many threads.",
    "Times are parts of this device's time, as its first thread sees it. Wait: for the other threads, " +
      "between two operations. Network: for the other devices. Sampling: choosing tokens. JavaScript: " +
      "between the forwards. Other: RoPE, SwiGLU, embedding, sums, and the cost of a forward itself.",
  ],
} as const satisfies CommandSpec;
