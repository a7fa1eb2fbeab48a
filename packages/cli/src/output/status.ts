/**
 * What is being done, on stderr: a line that is overwritten on a terminal, where results stand between,
 * a line each in a pipe or a log, nothing with --quiet.
 */

import { isTalkative, log } from "./log.ts";

export interface Status {
  show(text: string): void;
  /** Makes room for a result. */
  clear(): void;
}

export function createStatus(): Status {
  if (!isTalkative() || !process.stderr.isTTY) {
    return { show: (text) => log.info(text), clear() {} };
  }
  const overwrite = (text: string) => process.stderr.write(`\r\x1b[K${text}`);
  return {
    // A line that wraps could not be overwritten.
    show: (text) => overwrite(text.slice(0, (process.stderr.columns || 80) - 1)),
    clear: () => overwrite(""),
  };
}
