/**
 * The split: what part of a model each rank has, as weights of the ranks, the root first. `2,1,1` gives
 * the root twice what each worker has; a weight of 0 gives an empty slice.
 */

import { DllamaError } from "../errors.ts";

/**
 * Weights of the ranks. `auto`: the parts that make a token fastest, as they were kept or else measured;
 * `measure`: the same, measured anew and kept.
 */
export type SplitChoice = "auto" | "measure" | "equal" | readonly number[];

/** No device is a million times another; sums and products of weights stay far from a double's ends. */
const MAX_WEIGHT = 1e6;

export function equalSplit(worldSize: number): number[] {
  return Array.from({ length: worldSize }, () => 1);
}

/** Whether it is a list of weights, of which some are above 0. */
export function isSplit(value: unknown): value is number[] {
  const inRange = (weight: unknown): boolean =>
    typeof weight === "number" && weight >= 0 && weight <= MAX_WEIGHT;
  return Array.isArray(value) && value.every(inRange) && value.some((weight) => weight > 0);
}

/** @throws DllamaError INVALID_ARGUMENT unless there is a weight for each of `worldSize` ranks. */
export function requireSplit(split: readonly number[], worldSize = split.length): void {
  if (!isSplit(split)) {
    throw new DllamaError(
      "INVALID_ARGUMENT",
      `expected a split of weights from 0 to ${MAX_WEIGHT}, one of them above 0, got ${split.join()}`,
    );
  }
  if (split.length === worldSize) return;
  throw new DllamaError(
    "INVALID_ARGUMENT",
    `expected a split of ${worldSize} weights, one a rank with the root first, got ${split.length}: ${split.join()}`,
    { hint: `For equal parts: --split ${equalSplit(worldSize).join()}.` },
  );
}

/**
 * The choice for those of a session's `workers` that are `left`: weights stay with their ranks, where they
 * still give anybody anything.
 */
export function splitOfThoseLeft(
  split: SplitChoice,
  workers: readonly string[],
  left: readonly string[],
): SplitChoice {
  if (typeof split === "string" || left.length === workers.length) return split;
  const weights = split.filter((_, rank) => rank === 0 || left.includes(workers[rank - 1] ?? ""));
  return isSplit(weights) ? weights : "equal";
}
