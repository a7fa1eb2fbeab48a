import { DllamaError } from "./errors.ts";

/** What the operating system said about a file that was to be `expected`, as one of our errors. */
export function systemError(path: string, expected: string, error: unknown): DllamaError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") {
    const message = `${path}: expected ${expected}, there is no file of this name`;
    return new DllamaError("FILE_NOT_FOUND", message, { hint: "Check the path.", cause: error });
  }
  return new DllamaError("FILE_UNREADABLE", `${path}: cannot read the file: ${String(error)}`, {
    hint: "Check that you may read it and that the disk works.",
    cause: error,
  });
}
