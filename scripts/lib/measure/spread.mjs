/** Several runs of one thing as a cell of a table. */

import { spreadOf } from "../peers/ratios.mjs";

/** `median (minimum to maximum)` */
export function spread(values, digits = 1) {
  const { median, minimum, maximum } = spreadOf(values);
  const [middle, low, high] = [median, minimum, maximum].map((value) => value.toFixed(digits));
  return `${middle} (${low} to ${high})`;
}

export function medianOf(values) {
  return spreadOf(values).median;
}

/** A table in Markdown, for people and for documents alike. */
export function printTable(titles, rows) {
  const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
  line(titles);
  console.log(`|${"---|".repeat(titles.length)}`);
  for (const row of rows) line(row);
}

/** `kept` or `EXCEEDED`, with the bound: measurements tell, and assert nothing. */
export function printTarget(text, isKept) {
  console.log(`\ntarget ${text}: ${isKept ? "kept" : "MISSED"}`);
}
