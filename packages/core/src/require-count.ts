/** Numbers of threads, sequences and the like, as callers give them. */

import { DllamaError } from "./errors.ts";

/** Threads beyond this are a mistake, and each takes a stack. */
const MAX_THREADS = 1024;

export function requireCount(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_THREADS) return;
  throw new DllamaError(
    "INVALID_ARGUMENT",
    `expected ${name} of 1 to ${MAX_THREADS}, got ${value}`,
  );
}
