/** The generated text alone, as it comes. */

import { escapeText } from "./escape.ts";
import type { RunWriter, WriterOptions } from "./run-writer.ts";

export function textWriter({ write, isTerminal, echo }: WriterOptions): RunWriter {
  // A file or a program gets the exact text; a terminal must not be steered by what a model says.
  const print = (text: string) => write(isTerminal ? escapeText(text) : text);
  return {
    start() {},
    prompt({ text }) {
      if (echo) print(text);
    },
    token: ({ text }) => print(text),
    summary({ tail }) {
      print(tail);
      // So that the shell's prompt begins on a line of its own.
      if (isTerminal) write("\n");
    },
  };
}
