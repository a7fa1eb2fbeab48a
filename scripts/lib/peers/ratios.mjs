/** Figures of several runs. */

/**
 * @typedef {{ median: number, minimum: number, maximum: number }} Spread
 */

/**
 * Of an even number of values the median is the mean of the two in the middle.
 *
 * @param {readonly number[]} values at least one
 * @returns {Spread}
 */
export function spreadOf(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const last = sorted.length - 1;
  const median = (sorted[Math.floor(last / 2)] + sorted[Math.ceil(last / 2)]) / 2;
  return { median, minimum: sorted[0], maximum: sorted[last] };
}

/**
 * How much faster the first is: each run is compared with the other's of the same round, which met the
 * machine in the same mood.
 *
 * @param {readonly number[]} ours tokens a second
 * @param {readonly number[]} theirs as many
 */
export function ratiosOf(ours, theirs) {
  return spreadOf(ours.map((rate, round) => rate / theirs[round]));
}

/**
 * The order of a round: each goes first in turn, so that none always follows the same other.
 *
 * @template T
 * @param {readonly T[]} items
 * @param {number} round from 0
 * @returns {T[]}
 */
export function rotated(items, round) {
  const first = round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
