/** The command line of `dllama worker`. */

import { DEFAULT_PORT, listenHost } from "./addresses.ts";
import type { CommandSpec } from "./command-spec.ts";
import { generalFlags, nthreads, trustFlags } from "./shared-flags.ts";
import { byteSize, path, wholeNumber } from "./value-types.ts";

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
        "all IPv4 addresses of this device; with --insecure 127.0.0.1, which only this device reaches",
      description: "Address to listen on; `::` for all, those of IPv6, too.",
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
    model: {
      kind: "option",
      aliases: ["-m"],
      placeholder: "FILE",
      type: path,
      defaultText: "none",
      description:
        "This device's own copy of the model: what agrees with the root's is read here and not sent.",
      group: "Weights",
    },
    "cache-dir": {
      kind: "option",
      placeholder: "DIR",
      type: path,
      defaultText: "dllama in the platform's cache folder",
      description: "Where weights are kept, so that they are sent once. Workers may share it.",
      group: "Weights",
    },
    "max-cache-size": {
      kind: "option",
      placeholder: "SIZE",
      type: byteSize,
      defaultText: "32gib, at most half of the disk's free space",
      description: "Room for them; what was used longest ago goes first.",
      group: "Weights",
    },
    "no-cache": {
      kind: "toggle",
      description: "Keep no weights on disk: the root sends them at each start.",
      group: "Weights",
    },
    ...generalFlags,
  },
  examples: [
    "dllama worker",
    "dllama worker --port 9999 --nthreads 4 --token-file /run/secrets/dllama",
  ],
  notes: [
    "Serves one root after another until Ctrl-C. It needs no model: the root sends it its share of the weights, once.",
    "Root and workers have a token in common. The first start without one makes it, stores it where this user's " +
      "root finds it, and prints the line to run on other devices.",
  ],
} as const satisfies CommandSpec;
