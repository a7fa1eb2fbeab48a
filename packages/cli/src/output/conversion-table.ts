/** What a conversion would write, a tensor a line; the last line tells the sum. */

import type { ConversionPlan } from "@dllama/converter";
import { formatBytes, formatGiB } from "./units.ts";

export function conversionTable({ tensors, nBytes }: ConversionPlan): string {
  const rows = tensors.map(({ name, type, shape, nBytes: size }) => [
    name,
    type,
    shape.join(" x "),
    formatBytes(size),
  ]);
  const widths = ["name", "type", "shape", "size"].map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = [["name", "type", "shape", "size"], ...rows].map(
    ([name = "", type = "", ...rest]) =>
      [
        name.padEnd(widths[0] ?? 0),
        type.padEnd(widths[1] ?? 0),
        ...rest.map((cell, i) => cell.padStart(widths[i + 2] ?? 0)),
      ].join("  "),
  );
  return [...lines, `total ${tensors.length} tensors ${formatGiB(nBytes)}`, ""].join("\n");
}
