/** For documents: one table with all figures. */

import type { BenchmarkResult } from "@dllama/core";
import { escapeLine } from "../escape.ts";
import type { BenchWriter, Write } from "./bench-writer.ts";
import {
  heading,
  kilobytes,
  ofReadLoop,
  percent,
  range,
  rate,
  testName,
  timesOne,
  timesByName,
} from "./figures.ts";

export function markdownWriter(write: Write): BenchWriter {
  const row = (cells: readonly string[]) => write(`| ${cells.join(" | ")} |\n`);
  let hasHead = false;
  return {
    start: (start) => write(`${heading(start).map(escapeLine).join("; ")}.\n\n`),
    result(result) {
      const columns = columnsOf(result);
      if (!hasHead) {
        row(columns.map(([title]) => title));
        write(`${"|---".repeat(columns.length)}|\n`);
        hasHead = true;
      }
      row(columns.map(([, cell]) => cell));
    },
  };
}

/** Titles and cells. All results of a benchmark have the same titles. */
function columnsOf(result: BenchmarkResult): [string, string][] {
  const { test, nThreads, tokensPerSecond, weightGbPerSecond, transfer } = result;
  const columns: [string, string][] = [
    ["test", testName(result)],
    ["depth", test.depth.toString()],
    ["threads", nThreads.toString()],
    ["tokens/s", rate(tokensPerSecond.median)],
    ["min to max", range(result)],
    ["times one sequence", timesOne(result)],
    ["weights GB/s", weightGbPerSecond?.toFixed(2) ?? ""],
    ["of read loop GB/s", ofReadLoop(result)],
    ...timesByName(result).map(([name, part]): [string, string] => [name, percent(part)]),
  ];
  if (transfer === undefined) return columns;
  return [
    ...columns,
    ["transfer ms", transfer.msPerToken.toFixed(2)],
    ["kB sent", kilobytes(transfer.sentBytesPerToken)],
    ["kB received", kilobytes(transfer.receivedBytesPerToken)],
  ];
}
