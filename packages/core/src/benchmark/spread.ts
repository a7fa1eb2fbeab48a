/** What several runs of one thing gave. */

export interface Spread {
  median: number;
  minimum: number;
  maximum: number;
}

/** Of an even number of values the median is the mean of the two in the middle; zeros for none. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? 0;
  const last = sorted.length - 1;
  return {
    median: (at(Math.floor(last / 2)) + at(Math.ceil(last / 2))) / 2,
    minimum: at(0),
    maximum: at(last),
  };
}
