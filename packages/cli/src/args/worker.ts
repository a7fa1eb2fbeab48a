/** The command line of `dllama worker`. */

import { DEFAULT_PORT, listenHost } from "./addresses.ts";
import type { CommandSpec } from "./command-spec.ts";
import { generalFlags, nthreads, trustFlags } from "./shared-flags.ts";
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
      defaultText:
        "all of this device's; with --insecure 127.0.0.1, which only this device reaches",
      description: "Address to listen on.",
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
    ...trustFlags,
    ...generalFlags,
  },
  examples: [
    "dllama worker",
    "dllama worker --port 9999 --nthreads 4 --token-file /run/secrets/dllama",
  ],
  notes: [
    "Serves one root after another until Ctrl-C. It needs no model: the root sends it its share of the weights.",
    "Root and workers have a token in common. The first start without one makes it, stores it where this user's " +
      "root finds it, and prints the line to run on other devices.",
  ],
} as const satisfies CommandSpec;
