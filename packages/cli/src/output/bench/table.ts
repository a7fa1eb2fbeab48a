/** For people: a line a test, below it where the time went. */

import { tableRow, titleRow } from "../columns.ts";
import type { Columns } from "../columns.ts";
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

/** Parts below this say nothing. */
const LEAST_PART = 0.0005;

const COLUMNS: Columns = [
  ["test", -13],
  ["depth", 6],
  ["threads", 8],
  ["tokens/s", 9],
  ["min to max", 17],
  ["weights GB/s", 14],
  ["of read loop GB/s", 19],
];

export function tableWriter(write: Write): BenchWriter {
  return {
    start(start) {
      const lines = [...heading(start).map(escapeLine), "", titleRow(COLUMNS)];
      write(`${lines.join("\n")}\n`);
    },
    result(result) {
      const { test, nThreads, tokensPerSecond, weightGbPerSecond } = result;
      const cells = [
        testName(result),
        test.depth.toString(),
        nThreads.toString(),
        rate(tokensPerSecond.median),
        range(result),
        weightGbPerSecond === null ? "" : weightGbPerSecond.toFixed(2),
        ofReadLoop(result),
      ];
      const gain = timesOne(result);
      const compared = gain === "" ? "" : `${gain} times one sequence; `;
      const parts = timesByName(result)
        .filter(([, part]) => part >= LEAST_PART)
        .map(([name, part]) => `${name} ${percent(part)}`);
      write(`${tableRow(COLUMNS, cells)}\n  ${compared}${parts.join(", ")}\n`);
      if (result.transfer === undefined) return;
      const { msPerToken, sentBytesPerToken, receivedBytesPerToken } = result.transfer;
      write(
        `  a token: transfer ${msPerToken.toFixed(2)} ms, sent ${kilobytes(sentBytesPerToken)} kB, ` +
          `received ${kilobytes(receivedBytesPerToken)} kB\n`,
      );
    },
  };
}
