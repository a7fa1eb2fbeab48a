/**
 * The report of the original: a line of figures for the prompt and for every token, averages at the
 * end.
 */

import type { Figures } from "@dllama/core";
import { escapeLine } from "./escape.ts";
import { rankLines } from "./ranks.ts";
import type { RunWriter, WriterOptions } from "./run-writer.ts";

export function reportWriter({ write }: Pick<WriterOptions, "write">): RunWriter {
  return {
    start: ({ info }) => write(`⏩ Loaded ${info.weightBytes} bytes\n`),
    prompt: (prompt) => write(line("🔷", prompt, prompt.text)),
    token: (token) => write(line("🔶", token, token.text)),
    summary(summary) {
      const { averages } = summary;
      // The last bytes of the run were no whole character: they belong to no token's line.
      if (summary.tail !== "") write(`Left over:           ${escapeLine(summary.tail)}\n`);
      write(
        [
          `Prompt tokens:       ${summary.promptTokens}`,
          `Generated tokens:    ${summary.generatedTokens}`,
          `Avg generation time: ${averages.generationMs.toFixed(2)} ms`,
          `Avg inference time:  ${averages.inferenceMs.toFixed(2)} ms`,
          `Avg transfer time:   ${averages.transferMs.toFixed(2)} ms`,
          `Avg sent:            ${kilobytes(averages.sentBytes)} kB`,
          `Avg received:        ${kilobytes(averages.receivedBytes)} kB`,
          `Prompt speed:        ${summary.prefillTokensPerSecond.toFixed(2)} tokens/s`,
          `Generation speed:    ${summary.decodeTokensPerSecond.toFixed(2)} tokens/s`,
          `Stopped by:          ${summary.stopReason}`,
          ...rankLines(summary.ranks),
          ...summary.advice.map(escapeLine),
          "",
        ].join("\n"),
      );
    },
  };
}

/** One space before the text, which is exact: pieces usually begin with the space between words. */
function line(mark: string, figures: Figures, text: string): string {
  const { generationMs, inferenceMs, transferMs, sentBytes, receivedBytes } = figures;
  return (
    `${mark} G ${milliseconds(generationMs)} ms I ${milliseconds(inferenceMs)} ms T ${milliseconds(transferMs)} ms ` +
    `S ${kilobytes(sentBytes).padStart(6)} kB R ${kilobytes(receivedBytes).padStart(6)} kB ${escapeLine(text)}\n`
  );
}

function milliseconds(value: number): string {
  return Math.round(value).toString().padStart(4);
}

/** 1 kB is 1024 bytes, as in the original. */
function kilobytes(nBytes: number): string {
  return Math.round(nBytes / 1024).toString();
}
