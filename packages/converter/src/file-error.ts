/** What the operating system says about a file, as a `DllamaError`. */

import { DllamaError } from "@dllama/core";
import type { ErrorCode } from "@dllama/core";

const KNOWN: Readonly<Record<string, { code: ErrorCode; says: string; hint?: string }>> = {
  ENOENT: { code: "FILE_NOT_FOUND", says: "does not exist" },
  ENOTDIR: { code: "FILE_NOT_FOUND", says: "has a file where its path needs a folder" },
  EACCES: { code: "FILE_UNREADABLE", says: "may not be opened: permission denied" },
  EPERM: { code: "FILE_UNREADABLE", says: "may not be opened: permission denied" },
  EISDIR: { code: "FILE_UNREADABLE", says: "is a folder; a file was expected" },
  EEXIST: { code: "FILE_EXISTS", says: "exists already", hint: "Add --force to replace it." },
  ENOSPC: {
    code: "NO_SPACE",
    says: "does not fit: the disk is full",
    hint: "Free some space, or choose another disk with --output.",
  },
  EDQUOT: {
    code: "NO_SPACE",
    says: "does not fit: the quota of this user is used up",
    hint: "Free some space, or choose another disk with --output.",
  },
};

/** Errors that are not the operating system's are returned as they are. */
export function fileError(path: string, error: unknown): unknown {
  if (error instanceof DllamaError || !(error instanceof Error) || !("code" in error)) return error;
  const known = KNOWN[String(error.code)];
  if (known === undefined) {
    return new DllamaError("FILE_UNREADABLE", `${path}: ${error.message}`, { cause: error });
  }
  const { code, says, hint } = known;
  return new DllamaError(code, `${path} ${says}`, { hint, cause: error });
}
