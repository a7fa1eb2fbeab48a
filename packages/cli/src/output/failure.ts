/**
 * How an error ends the program: what stderr says and the exit code. The one place that maps errors
 * to either.
 */

import { inspect } from "node:util";
import type { DllamaError, ErrorCode } from "@dllama/core";
import { UsageError } from "../args/usage-error.ts";
import { log } from "./log.ts";

/** Something that needed a file, the network or the model. Ends on request are in `stop.ts`. */
export const EXIT_FAILED = 1;
/** The command line is wrong. */
const EXIT_USAGE = 2;

const exitCodes: Partial<Record<ErrorCode, number>> = { INVALID_ARGUMENT: EXIT_USAGE };

interface Failure {
  message: string;
  hint?: string | undefined;
  exitCode: number;
}

/** Prints the error and gives the exit code. */
export function reportFailure(error: unknown): number {
  const { message, hint, exitCode } = describeFailure(error);
  if (hint === undefined) log.error(message);
  else log.error(message, `hint: ${hint}`);
  log.debug(inspect(error));
  return exitCode;
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof UsageError)
    return { message: error.message, hint: error.hint, exitCode: EXIT_USAGE };
  if (isDllamaError(error)) {
    return {
      message: error.message,
      hint: error.hint,
      exitCode: exitCodes[error.code] ?? EXIT_FAILED,
    };
  }
  // What the system refused says enough by itself.
  if (error instanceof Error && "syscall" in error)
    return { message: error.message, exitCode: EXIT_FAILED };
  return {
    message: `unexpected: ${error instanceof Error ? error.message : String(error)}`,
    hint: "This is a fault of dllama. The same command with --verbose shows where it happened.",
    exitCode: EXIT_FAILED,
  };
}

/** By name: an `instanceof` would load the library, and its addon, to report a mistyped flag. */
function isDllamaError(error: unknown): error is DllamaError {
  return error instanceof Error && error.name === "DllamaError";
}
