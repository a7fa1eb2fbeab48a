/** A split that does not go with the list of devices. */

import type { SplitChoice } from "@dllama/core";
import { UsageError } from "./usage-error.ts";

/** @throws {UsageError} unless there is a weight for this device and one for each worker */
export function checkSplit(split: SplitChoice, workers: readonly string[]): void {
  const worldSize = workers.length + 1;
  if (typeof split === "string" || split.length === worldSize) return;
  const equal = Array.from({ length: worldSize }, () => 1).join();
  throw new UsageError(
    `--split expects ${worldSize} weights, one for this device and one for each worker, got ${split.length}: ${split.join()}`,
    `For equal parts: --split ${equal}.`,
  );
}
