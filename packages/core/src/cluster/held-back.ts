/**
 * Which rank holds the others back, and what split would mend it.
 *
 * All ranks wait for the slowest one twice a layer, so that a token takes as long as the rank that computes
 * longest. A rank's speed is its share of the weights by its compute time; shares in proportion to the
 * speeds let all compute for the same time.
 */

import { isDeepStrictEqual } from "node:util";

import { rankName } from "./rank-report.ts";
import type { RankReport } from "./rank-report.ts";

export interface HeldBack {
  rank: number;
  /** Of that rank, a token. */
  computeMs: number;
  /** The mean of the others. */
  othersMs: number;
  /** Weights for `--split`, in rank order. */
  split: number[];
  /** All of it, for people. */
  text: string;
}

/** A gain below this part of a token is not worth another split. */
const LEAST_GAIN = 0.05;

/** Means of fewer tokens tell what else the machines did meanwhile. */
const LEAST_FORWARDS = 8;

/** Largest weight: finer ones say more than two measurements of one machine agree on. */
const MAX_WEIGHT = 8;

/** Weights may be off by this part of a rank's share. */
const TOLERANCE = 0.1;

/** A split itself, or one near it, that the memory which the ranks lend has room for; undefined if there is none. */
export type FittedSplit = (split: readonly number[]) => readonly number[] | undefined;

/**
 * Undefined for one rank, for ranks that have computed little or nothing, and where no split that `fitted`
 * gives would help.
 */
export function findHeldBack(
  ranks: readonly RankReport[],
  fitted: FittedSplit = (split) => split,
): HeldBack | undefined {
  if (ranks.length < 2) return undefined;
  const isMeasured = ranks.every(
    ({ nForwards, computeMs, share }) => nForwards >= LEAST_FORWARDS && computeMs > 0 && share > 0,
  );
  if (!isMeasured) return undefined;
  const slowest = ranks.reduce((a, b) => (b.computeMs > a.computeMs ? b : a));
  const others = ranks.filter((rank) => rank !== slowest);
  const speeds = ranks.map(({ share, computeMs }) => share / computeMs);
  const wanted = smallWeights(speeds);
  const fitting = fitted(wanted);
  if (fitting === undefined) return undefined;
  const split = [...fitting];
  const all = sum(split);
  const expectedMs = Math.max(...split.map((weight, i) => weight / all / (speeds[i] ?? 1)));
  const tokenMs = slowest.computeMs + slowest.waitMs + slowest.networkMs;
  if (slowest.computeMs - expectedMs < LEAST_GAIN * tokenMs) return undefined;
  const othersMs = sum(others.map(({ computeMs }) => computeMs)) / others.length;
  const text =
    `${rankName(slowest)} holds the others back: it computes ${slowest.computeMs.toFixed(1)} ms a token, ` +
    `the others ${othersMs.toFixed(1)}; --split ${split.join(",")} would share the work ` +
    (isDeepStrictEqual(split, wanted)
      ? "by their speed."
      : "better, within the memory that they lend.");
  return { rank: slowest.rank, computeMs: slowest.computeMs, othersMs, split, text };
}

/** Whole numbers from 1, as small as possible, in about the proportion of `values`. */
export function smallWeights(values: readonly number[]): number[] {
  const largest = Math.max(...values);
  const total = sum(values);
  let best: { weights: number[]; error: number } | undefined;
  for (let top = 1; top <= MAX_WEIGHT; top++) {
    const weights = values.map((value) => Math.max(1, Math.round((value / largest) * top)));
    const all = sum(weights);
    const errors = weights.map((weight, i) =>
      Math.abs((weight / all / (values[i] ?? 1)) * total - 1),
    );
    const error = Math.max(...errors);
    if (best === undefined || error < best.error) best = { weights, error };
    if (error <= TOLERANCE) break;
  }
  return best?.weights ?? [];
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
