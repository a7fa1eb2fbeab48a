/** Whether more of something ever makes it slower. */

/**
 * Each rate by the best of those up to it, itself included.
 *
 * @param {readonly number[]} rates by ascending number of threads
 */
export function shareOfBest(rates) {
  return rates.map((rate, n) => rate / Math.max(...rates.slice(0, n + 1)));
}
