/** What the operating system says about a file, as a `DllamaError`. */

import { DllamaError } from "@dllama/core";
import type { ErrorCode } from "@dllama/core";

const ANOTHER_DISK = "Free some space, or choose another disk with --output.";

const KNOWN: Readonly<Record<string, { code: ErrorCode; says: string; hint?: string }>> = {
  ENOENT: { code: "FILE_NOT_FOUND", says: "does not exist" },
  ENOTDIR: { code: "FILE_NOT_FOUND", says: "has a file where its path needs a folder" },
  EACCES: { code: "FILE_UNREADABLE", says: "may not be opened: permission denied" },
  EPERM: { code: "FILE_UNREADABLE", says: "may not be opened: permission denied" },
  EISDIR: { code: "FILE_UNREADABLE", says: "is a folder; a file was expected" },
  ENOSPC: { code: "NO_SPACE", says: "does not fit: the disk is full", hint: ANOTHER_DISK },
  EDQUOT: { code: "NO_SPACE", says: "does not fit: this user's quota is full", hint: ANOTHER_DISK },
  EFBIG: {
    code: "NO_SPACE",
    says: "does not fit: this file system holds no file of that size (FAT ends at 4 GiB)",
    hint: "Choose another disk with --output.",
  },
};

export function existsAlready(path: string, cause?: unknown): DllamaError {
  const hint = "Add --force to replace it.";
  return new DllamaError("FILE_EXISTS", `${path} exists already`, { hint, cause });
}

/** Errors that are not the operating system's are returned as they are. */
export function fileError(path: string, error: unknown): unknown {
  if (error instanceof DllamaError || !(error instanceof Error) || !("code" in error)) return error;
  if (error.code === "EEXIST") return existsAlready(path, error);
  const known = KNOWN[String(error.code)];
  if (known === undefined) {
    return new DllamaError("FILE_UNREADABLE", `${path}: ${error.message}`, { cause: error });
  }
  const { code, says, hint } = known;
  return new DllamaError(code, `${path} ${says}`, { hint, cause: error });
}
