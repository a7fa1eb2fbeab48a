/** How a model is shared out, as people type it: a word, or a weight for each rank. */

import type { PlannedSplit, SplitChoice } from "@dllama/core";
import type { ValueType } from "./value-types.ts";

const MAX_WEIGHT = 1e6;

/** Of ranks that meet. */
export const splitChoice: ValueType<SplitChoice> = splitOf("auto", "measure", "equal");

/** Of ranks that are only thought of. */
export const plannedSplit: ValueType<PlannedSplit> = splitOf("auto", "equal");

function splitOf<Word extends string>(...words: Word[]): ValueType<Word | number[]> {
  return {
    expected: `${words.join(", ")}, or a weight for each device with this one first, such as 2,1,1`,
    choices: words,
    example: "2,1,1",
    read(text) {
      const word = words.find((known) => known === text.toLowerCase());
      return word ?? weightsIn(text);
    },
  };
}

function weightsIn(text: string): number[] | undefined {
  const parts = text.split(",").map((part) => part.trim());
  if (!parts.every((part) => /^(\d+\.?\d*|\.\d+)$/.test(part))) return undefined;
  const weights = parts.map(Number);
  const isInRange = weights.every((weight) => weight <= MAX_WEIGHT);
  return isInRange && weights.some((weight) => weight > 0) ? weights : undefined;
}
