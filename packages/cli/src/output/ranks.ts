/** What each rank of a run did for a token, as lines for people. */

import type { RankReport } from "@dllama/core";

const HEADINGS = ["rank", "address", "computes", "waits", "network", "sent", "received", "weights"];

/** A table with a line a rank; none for one rank alone, whose figures are those of the run. */
export function rankLines(ranks: readonly RankReport[]): string[] {
  if (ranks.length < 2) return [];
  const rows = [HEADINGS, ...ranks.map(cells)];
  const widths = HEADINGS.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 1 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  "),
  );
}

function cells(rank: RankReport): string[] {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const kB = (nBytes: number): string => `${(nBytes / 1024).toFixed(1)} kB`;
  return [
    String(rank.rank),
    rank.rank === 0 ? "this device" : rank.address,
    ms(rank.computeMs),
    ms(rank.waitMs),
    ms(rank.networkMs),
    kB(rank.sentBytes),
    kB(rank.receivedBytes),
    `${(rank.share * 100).toFixed(0)} %`,
  ];
}
