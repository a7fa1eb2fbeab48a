/** Reads that give all bytes or an error, and never wait for ever. */

import { open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { DllamaError } from "@dllama/core";

/** Opens a regular file; opening a pipe or a device could block. */
export async function openRegular(path: string): Promise<FileHandle> {
  const stats = await stat(path);
  if (stats.isFile()) return open(path, "r");
  const got = stats.isDirectory() ? "a folder" : "a pipe or a device";
  throw new DllamaError("FILE_UNREADABLE", `${path} is ${got}; a file was expected`);
}

/** Fills `target` from byte `position` of the file on. */
export async function readFully(
  file: FileHandle,
  path: string,
  target: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < target.length;) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) {
      throw new DllamaError(
        "CHECKPOINT_MALFORMED",
        `${path} ends at byte ${position + done}; ${target.length - done} more were expected`,
        { hint: "Did another program change it? Fetch the file again." },
      );
    }
    done += bytesRead;
  }
}
