/** The command line of `dllama worker`. */

import { DEFAULT_PORT, listenHost } from "./addresses.ts";
import type { CommandSpec } from "./command-spec.ts";
import { generalFlags, insecureDescription, nthreads } from "./shared-flags.ts";
import { byteSize, wholeNumber } from "./value-types.ts";

export const workerSpec = {
  name: "worker",
  summary: "Lend this device to a root that runs `dllama inference --workers`",
  positionals: {},
  flags: {
    port: {
      kind: "option",
      placeholder: "N",
      type: wholeNumber({ min: 0, max: 65535 }),
      default: DEFAULT_PORT,
      description: "TCP port to listen on; 0 takes a free one.",
    },
    host: {
      kind: "option",
      placeholder: "ADDRESS",
      type: listenHost,
      default: "127.0.0.1",
      description:
        "Address to listen on. One that other devices can reach needs --insecure for now.",
    },
    nthreads,
    "max-memory": {
      kind: "option",
      placeholder: "SIZE",
      type: byteSize,
      defaultText: "what the system has free",
      description:
        "Memory that a session may take, such as 2gib. A root gives this device no larger part, and one that " +
        "does not fit is refused before anything is taken.",
    },
    insecure: {
      kind: "toggle",
      description: `Listen where others can reach this device. ${insecureDescription}`,
    },
    ...generalFlags,
  },
  examples: ["dllama worker", "dllama worker --host 0.0.0.0 --insecure --port 9998 --nthreads 4"],
  notes: [
    "Serves one root after another until Ctrl-C. It needs no model: the root sends it its share of the weights.",
  ],
} as const satisfies CommandSpec;
