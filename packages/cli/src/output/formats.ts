/** The formats of a run's output by name. */

import { jsonWriter } from "./json.ts";
import { reportWriter } from "./report.ts";
import type { RunWriter, WriterOptions } from "./run-writer.ts";
import { textWriter } from "./text.ts";

export type Format = "report" | "text" | "json";

export const runWriters: Record<Format, (options: WriterOptions) => RunWriter> = {
  report: reportWriter,
  text: textWriter,
  json: jsonWriter,
};
