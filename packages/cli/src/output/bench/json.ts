/** One JSON object a line, for programs: the machine, then each test. */

import type { BenchmarkResult } from "@dllama/core";
import type { BenchStart, BenchWriter, Write } from "./bench-writer.ts";

export function jsonWriter(write: Write): BenchWriter {
  const print = (object: object) => write(`${JSON.stringify(object, rounded)}\n`);
  let setup: Omit<BenchStart, "machine" | "commit" | "nRanks">;
  return {
    start({ machine, commit, model, shape, bufferFloatType, kvCacheType }) {
      setup = { model, shape, bufferFloatType, kvCacheType };
      print({ ...machine, commit });
    },
    result({ type, test, ...figures }: BenchmarkResult) {
      print({ type, ...setup, ...test, ...figures });
    },
  };
}

/** Six digits are more than any of these figures is worth. */
function rounded(_key: string, value: unknown): unknown {
  if (typeof value !== "number" || Number.isInteger(value)) return value;
  return Number(value.toPrecision(6));
}
