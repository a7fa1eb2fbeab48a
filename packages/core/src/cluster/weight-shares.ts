/** How much of a model's shared weights each rank has. */

import type { Program } from "../program/generated/Program.ts";

/** Values of the matrices that are split over the ranks, by rank. What every rank has whole does not count. */
export function weightShares(programs: readonly Program[]): number[] {
  return programs.map(({ weights }) =>
    weights
      .filter(({ rows, cols, source }) => rows < source.rows || cols < source.cols)
      .reduce((total, { rows, cols }) => total + rows * cols, 0),
  );
}
