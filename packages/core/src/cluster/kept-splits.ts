/** Splits that were found by measurement: like a plan, a split decides bits. */

import { KeptJson } from "./kept-json.ts";
import type { Subject } from "./kept-plans.ts";
import { isSplit } from "./split.ts";

/** Where the split of a model on workers is kept, for so many threads of each rank. */
export function keptSplit(
  cacheFolder: string | undefined,
  subject: Subject,
  nThreads: readonly number[],
): KeptJson<readonly number[]> {
  const worldSize = subject.workers.length + 1;
  const read = (value: unknown): number[] | undefined =>
    isSplit(value) && value.length === worldSize ? value : undefined;
  return new KeptJson(
    cacheFolder,
    { folder: "splits", name: "split", read },
    { ...subject, nThreads },
  );
}
