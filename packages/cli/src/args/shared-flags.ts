/** Flags that several commands take, and how wide their values may be. */

import { wholeNumber } from "./value-types.ts";
import type { Option, Toggle } from "./command-spec.ts";

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

export const nthreads = {
  kind: "option",
  aliases: ["-t", "--threads"],
  placeholder: "N",
  type: wholeNumber({ min: 1, max: 1024 }),
  defaultText: "the physical cores that this process may use",
  description: "Threads that compute.",
} as const satisfies Option<number>;

export const insecureDescription =
  "Traffic between devices is not encrypted and not authenticated yet: anybody who reaches the port can use it.";
