/** What happens when stdout or stderr cannot be written to. */

import { EXIT_FAILED } from "./failure.ts";
import { log } from "./log.ts";

/**
 * A closed pipe (`| head -1`) is silent: whoever read has seen enough, and a command that would go
 * on stops by `untilStopped`. Everything else, a full disk for instance, has lost results and ends
 * the program.
 */
export function guardStreams(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    log.error(`cannot write to stdout: ${error.message}`);
    process.exit(EXIT_FAILED);
  });
  // Without stderr nothing more can be said, but results may still be wanted.
  process.stderr.on("error", () => {});
}
