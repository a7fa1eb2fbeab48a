/** Whether a folder can be written to, found out before anything depends on it. */

import { access, constants, mkdir } from "node:fs/promises";

/** Makes the folder if it is not there. Returns what keeps it from being used; undefined if nothing does. */
export async function folderProblem(folder: string): Promise<string | undefined> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
