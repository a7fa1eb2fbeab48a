/** How a model is shared out, as people type it: `auto`, `equal`, or a weight for each rank. */

import type { SplitChoice } from "@dllama/core";
import type { ValueType } from "./value-types.ts";

const MAX_WEIGHT = 1e6;

export const splitChoice: ValueType<SplitChoice> = {
  expected: "auto, equal, or a weight for each device with this one first, such as 2,1,1",
  choices: ["auto", "equal"],
  example: "2,1,1",
  read(text) {
    const word = text.toLowerCase();
    if (word === "auto" || word === "equal") return word;
    const parts = text.split(",").map((part) => part.trim());
    if (!parts.every((part) => /^(\d+\.?\d*|\.\d+)$/.test(part))) return undefined;
    const weights = parts.map(Number);
    const isInRange = weights.every((weight) => weight <= MAX_WEIGHT);
    return isInRange && weights.some((weight) => weight > 0) ? weights : undefined;
  },
};
