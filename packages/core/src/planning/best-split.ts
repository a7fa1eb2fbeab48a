/**
 * The split that makes a token fastest, among those that every rank has the memory for.
 *
 * Weights are whole thousandths, so that the split that is shown is the split that is used. The search
 * begins with parts in proportion to what the devices read a second, and moves parts from the slowest rank
 * (or, while memory is lacking, from a rank that lacks it) to another as long as that helps, in ever smaller
 * steps. It has no chance in it: the same figures give the same split.
 */

import { equalSplit } from "../cluster/split.ts";

/** How good a split is. */
export interface SplitCost {
  totalMs: number;
  /** Time that each rank computes, in rank order. */
  rankMs: readonly number[];
  /** Bytes by which ranks lack memory, in rank order; 0 where it fits. */
  lackBytes: readonly number[];
}

export type CostOf = (split: readonly number[]) => SplitCost;

/** Weights of a measured or planned split add up to it. */
const WHOLE = 1000;
/** What a move between two ranks shifts, in thousandths. */
const STEPS = [128, 64, 32, 16, 8, 4, 2, 1];
/**
 * Equal parts are taken where they cost at most so much more: figures of two equal devices differ by as
 * much from one measurement to the next.
 */
const EQUAL_TOLERANCE = 0.03;

/** The best split for devices of these rates; that of the least lack of memory if nothing fits. */
export function bestSplit(gbPerSecond: readonly number[], costOf: CostOf): number[] {
  const equal = equalSplit(gbPerSecond.length);
  const equalCost = costOf(equal);
  let best = scaled(gbPerSecond);
  let cost = costOf(best);
  const tryOut = (candidate: number[]): boolean => {
    const found = costOf(candidate);
    if (!isBetter(found, cost)) return false;
    best = candidate;
    cost = found;
    return true;
  };
  tryOut(scaled(equal));
  for (const step of STEPS) {
    while (moves(best, cost, step).some(tryOut));
  }
  const isGoodEnough = equalCost.totalMs <= cost.totalMs * (1 + EQUAL_TOLERANCE);
  if (lack(equalCost) <= lack(cost) && isGoodEnough) return equal;
  return reduced(best);
}

/**
 * A split that someone wants, with parts taken from ranks that lack memory for those that have some left;
 * the same list where it fits, undefined where no such split is found.
 */
export function fittedSplit(
  wanted: readonly number[],
  costOf: CostOf,
): readonly number[] | undefined {
  const wantedCost = costOf(wanted);
  if (lack(wantedCost) === 0) return wanted;
  let best = scaled(wanted);
  let cost = costOf(best);
  const helps = (candidate: number[]): boolean => {
    const found = costOf(candidate);
    if (lack(found) >= lack(cost)) return false;
    best = candidate;
    cost = found;
    return true;
  };
  for (const step of STEPS) {
    while (lack(cost) > 0 && moves(best, cost, step).some(helps));
  }
  return lack(cost) === 0 ? reduced(best) : undefined;
}

function lack({ lackBytes }: SplitCost): number {
  return lackBytes.reduce((sum, n) => sum + n, 0);
}

function isBetter(a: SplitCost, b: SplitCost): boolean {
  return lack(a) === lack(b) ? a.totalMs < b.totalMs : lack(a) < lack(b);
}

/** Splits that shift `step` from a rank that has too much to another. */
function moves(split: readonly number[], cost: SplitCost, step: number): number[][] {
  const slowest = cost.rankMs.indexOf(Math.max(...cost.rankMs));
  const isLacking = lack(cost) > 0;
  const hasTooMuch = (rank: number): boolean =>
    isLacking ? (cost.lackBytes[rank] ?? 0) > 0 : rank === slowest;
  return split.flatMap((weight, from) => {
    if (!hasTooMuch(from) || weight < step) return [];
    return split.flatMap((_, to) => {
      if (to === from) return [];
      const moved = [...split];
      moved[from] = weight - step;
      moved[to] = (moved[to] ?? 0) + step;
      return [moved];
    });
  });
}

/** As whole numbers that add up to `WHOLE`: borders are rounded, not parts. */
function scaled(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  let border = 0;
  return weights.map((weight) => {
    sum += weight;
    const before = border;
    border = Math.round((sum / total) * WHOLE);
    return border - before;
  });
}

/** `2,1,1` for `500,250,250`. */
function reduced(split: readonly number[]): number[] {
  const divisor = split.reduce(gcd, 0);
  return split.map((weight) => weight / divisor);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
