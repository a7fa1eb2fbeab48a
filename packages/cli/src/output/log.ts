/**
 * Notices, warnings and errors, all on stderr: stdout holds results only. consola's own reporters
 * write to stdout, take out backticks and underscores, and decide on colours by stdout; this one
 * does none of that.
 */

import { styleText } from "node:util";
import { createConsola, LogLevels } from "consola/basic";
import type { LogObject } from "consola/basic";
import { escapeLine, escapeText, shortened } from "./escape.ts";

const prefixes: Readonly<Record<string, { word: string; colour: "red" | "yellow" | "gray" }>> = {
  error: { word: "error: ", colour: "red" },
  warn: { word: "warning: ", colour: "yellow" },
  debug: { word: "debug: ", colour: "gray" },
};

export const log = createConsola({
  // Explicit: consola would fall silent under NODE_ENV=test.
  level: levelOf({ quiet: false, verbose: false }),
  stdout: process.stderr,
  stderr: process.stderr,
  reporters: [{ log: (entry) => void process.stderr.write(format(entry)) }],
});

export function setVerbosity(flags: { quiet: boolean; verbose: boolean }): void {
  log.level = levelOf(flags);
}

/** Does the person want progress and notices? */
export function isTalkative(): boolean {
  return log.level >= LogLevels.info;
}

function levelOf({ quiet, verbose }: { quiet: boolean; verbose: boolean }): number {
  if (verbose) return LogLevels.debug;
  return quiet ? LogLevels.warn : LogLevels.info;
}

/** Each argument is a line of its own, whatever is in it: names of files and of peers cannot forge another. */
function format({ type, args }: LogObject): string {
  const texts = args.map(String);
  const message =
    type === "debug"
      ? escapeText(texts.join("\n"))
      : texts.map((text) => escapeLine(shortened(text))).join("\n");
  const prefix = prefixes[type];
  if (prefix === undefined) return `${message}\n`;
  return `${useColours() ? styleText(prefix.colour, prefix.word) : prefix.word}${message}\n`;
}

/** https://no-color.org: any value that is not empty turns colours off. */
function useColours(): boolean {
  const { NO_COLOR, TERM } = process.env;
  return process.stderr.isTTY && !NO_COLOR && TERM !== "dumb";
}
