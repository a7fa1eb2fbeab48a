/** Which commit of dllama this is, where it runs from a clone. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const packageRoot = fileURLToPath(new URL("..", import.meta.url));

/** The commit's short name, with `-dirty` for changed sources; undefined outside a clone. */
export async function sourceCommit(): Promise<string | undefined> {
  const git = (...args: string[]) => promisify(execFile)("git", ["-C", packageRoot, ...args]);
  try {
    // Installed into another project, dllama is no part of that one's history.
    await git("ls-files", "--error-unmatch", "package.json");
    const { stdout } = await git("describe", "--always", "--dirty", "--exclude=*");
    return stdout.trim();
  } catch {
    return undefined;
  }
}
