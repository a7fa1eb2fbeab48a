/** The user's home folder, which a container, a system service or a cron job may not have. */

import { homedir } from "node:os";
import { isAbsolute } from "node:path";

/** Undefined without HOME and without an entry for the user, or where HOME is no absolute path. */
export function homeFolder(): string | undefined {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : undefined;
  } catch {
    return undefined;
  }
}
