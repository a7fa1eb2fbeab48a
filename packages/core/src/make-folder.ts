/**
 * Makes a folder and those above it. Node's own `recursive` never ends where the system says ENOENT for a
 * folder whose parent exists: under /proc, and in a mount whose folder was deleted behind it.
 */

import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** @throws The system's error for the folder that cannot be made. */
export async function makeFolder(folder: string, mode?: number): Promise<void> {
  try {
    await mkdir(folder, mode);
  } catch (error) {
    if (await isFolder(folder)) return;
    const above = dirname(folder);
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!isMissing || above === folder || (await isFolder(above))) throw error;
    await makeFolder(above, mode);
    // Another process may have been faster; whatever else is wrong now stays wrong.
    await mkdir(folder, mode).catch(async (again: unknown) => {
      if (!(await isFolder(folder))) throw again;
    });
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
