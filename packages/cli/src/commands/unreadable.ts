/** What the system said about something that a command reads, as one of our errors. */

import { DllamaError } from "@dllama/core";

/** `attempt`: what was tried, as `cannot read FILE`. */
export function unreadable(attempt: string, cause: unknown, hint?: string): DllamaError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
  const code = isMissing ? "FILE_NOT_FOUND" : "FILE_UNREADABLE";
  return new DllamaError(code, `${attempt}: ${reason}`, { hint, cause });
}
