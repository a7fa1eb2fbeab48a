/** Mistakes in a list of workers that are no mistakes of a single address. */

import { UsageError } from "./usage-error.ts";

/** @throws {UsageError} if a model stands among the workers, or one of them twice */
export function checkWorkers(workers: readonly string[]): void {
  const model = workers.find((worker) => /\.gguf:\d+$/.test(worker));
  if (model !== undefined) {
    throw new UsageError(
      `--workers takes every argument up to the next flag, ${model.replace(/:\d+$/, "")} too`,
      "Put the model before --workers, or give it with --model.",
    );
  }
  // Two names of one device show only when its second connection is refused.
  const duplicate = workers.find((worker, i) => workers.indexOf(worker) !== i);
  if (duplicate === undefined) return;
  throw new UsageError(
    `--workers names ${duplicate} twice`,
    "Each worker is one rank: give it once.",
  );
}
