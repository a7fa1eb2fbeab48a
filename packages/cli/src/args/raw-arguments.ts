/**
 * Arguments whose bytes are no UTF-8. Node puts U+FFFD in the place of each such byte without a word: a prompt
 * would be another one, and a path that of a file which is not there.
 */

import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { UsageError } from "./usage-error.ts";

const REPLACEMENT = "\ufffd";

/** @throws {UsageError} naming the argument */
export function requireUtf8(argv: readonly string[], commandLine = ownCommandLine()): void {
  const suspect = argv.find((arg) => arg.includes(REPLACEMENT));
  // The mark may have been typed as such.
  if (suspect === undefined || isUtf8(commandLine)) return;
  throw new UsageError(
    `expected arguments in UTF-8, got other bytes in ${JSON.stringify(suspect)}`,
    "Set the terminal's encoding to UTF-8 (LANG=C.UTF-8). A file of such a name has to be renamed.",
  );
}

/** As the kernel has it; empty on systems that do not show it, and whose names are UTF-8 in any case. */
function ownCommandLine(): Buffer {
  try {
    return readFileSync("/proc/self/cmdline");
  } catch {
    return Buffer.alloc(0);
  }
}
