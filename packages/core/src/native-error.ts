/** Errors of the addon as errors of this library. */

import { DllamaError } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";

interface NativeError extends Error {
  code: ErrorCode;
  hint?: string;
}

/** The addon's promise, rejected with a DllamaError in place of the addon's own. */
export async function fromNative<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw asDllamaError(error);
  }
}

/** What is no error of the addon stays as it is. */
export function asDllamaError(error: unknown): unknown {
  if (!isNativeError(error)) return error;
  return new DllamaError(error.code, error.message, { hint: error.hint, cause: error });
}

function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
