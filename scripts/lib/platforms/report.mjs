/** What was found, as a table that is Markdown, too. */

import { basename } from "node:path";

/**
 * @param {import("./judge.mjs").Judgement[]} judgements
 * @returns {string}
 */
export function report(judgements) {
  const rows = judgements
    .filter(({ facts }) => facts !== undefined)
    .map(({ path, facts }) => ({ file: basename(path), ...facts }));
  const problems = judgements.flatMap(({ path, problems: found }) =>
    found.map((problem) => `${path}: ${problem}`),
  );
  return [...(rows.length > 0 ? [table(rows)] : []), ...problems].join("\n");
}

function table(rows) {
  const headings = Object.keys(rows[0]);
  const widths = headings.map((heading) =>
    Math.max(heading.length, ...rows.map((row) => row[heading].length)),
  );
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [
    line(headings),
    line(widths.map((width) => "-".repeat(width))),
    ...rows.map((row) => line(Object.values(row))),
  ].join("\n");
}
