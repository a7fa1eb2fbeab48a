/** Flags that several commands take, and how wide their values may be. */

import { DEFAULT_PORT, workerAddress } from "./addresses.ts";
import { splitChoice } from "./split.ts";
import { choice, path, wholeNumber } from "./value-types.ts";
import type { AnyFlag, Option, Toggle } from "./command-spec.ts";

/** Every command takes these. */
export const generalFlags = {
  verbose: {
    kind: "toggle",
    description: "Tell more on stderr, and show the stack of an error.",
    group: "General",
  },
  quiet: {
    kind: "toggle",
    description: "Only errors and warnings on stderr, no progress.",
    group: "General",
  },
  help: { kind: "toggle", aliases: ["-h"], description: "Show this help.", group: "General" },
} as const satisfies Record<string, Toggle>;

/** Formats of weights, and their names in llama.cpp. */
export const weightsFloatTypeChoice = choice(["q40", "q80", "f16", "f32"], {
  q4_0: "q40",
  q8_0: "q80",
});

export const maxSeqLen = {
  kind: "option",
  aliases: ["-c", "--ctx-size"],
  placeholder: "TOKENS",
  type: wholeNumber({ min: 1 }),
  defaultText: "the model's, at most 4096",
  description: "Tokens of context.",
  group: "Model",
} as const satisfies Option<number>;

export const nthreads = {
  kind: "option",
  aliases: ["-t", "--threads"],
  placeholder: "N",
  type: wholeNumber({ min: 1, max: 1024 }),
  defaultText: "the physical cores that this process may use",
  description: "Threads that compute.",
} as const satisfies Option<number>;

/** Whom root and workers trust: all sides have the same token, or all are insecure. */
export const trustFlags = {
  "token-file": {
    kind: "option",
    placeholder: "FILE",
    type: path,
    defaultText: "the token that this user has stored",
    description:
      "A file with the token, any text of at least 16 bytes, that root and workers have in common. " +
      "DLLAMA_TOKEN in the environment comes first. The first `dllama worker` makes and stores one.",
  },
  insecure: {
    kind: "toggle",
    description:
      "NO token and NO encryption: everybody who reaches a worker's port can use it, and read and change " +
      "what is sent. Needed on all sides.",
  },
} as const satisfies Record<string, AnyFlag>;

export const bufferFloatType = {
  kind: "option",
  placeholder: "TYPE",
  type: choice(["q80", "f32"], { q8_0: "q80" }),
  default: "q80",
  description:
    "Format of the activations that the devices exchange: q80 is a quarter of the traffic, f32 is exact.",
  group: "Devices",
} as const satisfies AnyFlag;

export const kvCacheType = {
  kind: "option",
  placeholder: "TYPE",
  type: choice(["f16", "q80", "f32"], { q8_0: "q80" }),
  default: "f16",
  description: "Format of the KV cache: f16 takes half the memory of f32, q80 a quarter.",
  group: "Devices",
} as const satisfies AnyFlag;

/** How a model is shared over devices: commands that load one take these. */
export const deviceFlags = {
  workers: {
    kind: "list",
    placeholder: "HOST[:PORT] ...",
    type: workerAddress,
    defaultText: "this device alone",
    description:
      `Devices that run \`dllama worker\`, separated by spaces or commas, up to the next flag. ` +
      `The port is ${DEFAULT_PORT} if none is given; IPv6 with a port is [ADDRESS]:PORT.`,
    group: "Devices",
  },
  split: {
    kind: "option",
    placeholder: "SPLIT",
    type: splitChoice,
    default: "auto",
    description:
      "What part of the model each device has. 2,1,1: this one twice what each of two workers has (0: nothing); " +
      "equal; auto: the parts that make a token fastest and fit the memory of each device, as measured " +
      "when they first meet. The parts are then kept for this model and these workers; measure: the same anew.",
    group: "Devices",
  },
  "buffer-float-type": bufferFloatType,
  "all-reduce": {
    kind: "option",
    placeholder: "WAY",
    type: choice(["auto", "direct", "scattered"]),
    default: "auto",
    description:
      "How partial sums become one: direct, from every device to every other; scattered, in parts over " +
      "the device that adds them up; auto: by size, as a measurement says, which is kept for this " +
      "model and these workers.",
    group: "Devices",
  },
  "kv-cache-type": kvCacheType,
  "token-file": { ...trustFlags["token-file"], group: "Devices" },
  insecure: { ...trustFlags.insecure, group: "Devices" },
} as const satisfies Record<string, AnyFlag>;
