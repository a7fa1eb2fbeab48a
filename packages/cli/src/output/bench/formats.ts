/** The formats of a benchmark's output by name. */

import type { BenchWriter, Write } from "./bench-writer.ts";
import { jsonWriter } from "./json.ts";
import { markdownWriter } from "./markdown.ts";
import { tableWriter } from "./table.ts";

export const benchWriters: Record<"table" | "json" | "markdown", (write: Write) => BenchWriter> = {
  table: tableWriter,
  json: jsonWriter,
  markdown: markdownWriter,
};
