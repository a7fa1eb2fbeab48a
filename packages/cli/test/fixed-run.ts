/** A run with fixed figures, to hold the formats against. */

import type { Figures, PromptReport, Summary, Token } from "@dllama/core";
import type { RunStart, RunWriter } from "../src/output/run-writer.ts";

const figures: Figures = {
  generationMs: 412.3456,
  inferenceMs: 400.0004,
  transferMs: 12.25,
  sentBytes: 272 * 1024,
  receivedBytes: 272 * 1024 + 600,
};

const start: RunStart = {
  info: {
    path: "/models/llama.gguf",
    name: "llama",
    worldSize: 2,
    nthreads: 4,
    isa: "avx2",
    weightBytes: 1056768,
  } as RunStart["info"],
  seed: 42,
  bufferFloatType: "q80",
  kvCacheType: "f16",
};

const prompt: PromptReport = { tokens: 3, text: "Say\n", ...figures };
const tokens: Token[] = [
  { id: 15043, text: " Hello", ...figures },
  { id: 13, text: "\n\x1b[2J", ...figures, generationMs: 0.4 },
];

export const summary: Summary = {
  promptTokens: 3,
  generatedTokens: 2,
  prefillTokensPerSecond: 7.27654321,
  decodeTokensPerSecond: 2.4251,
  stopReason: "steps",
  tail: "",
  averages: figures,
};

/** What a writer prints of the run. */
export function printRun(
  createWriter: (options: {
    write: (text: string) => void;
    isTerminal: boolean;
    echo: boolean;
  }) => RunWriter,
  { isTerminal = false, echo = false, tail = "" } = {},
): string {
  let printed = "";
  const writer = createWriter({ write: (text) => void (printed += text), isTerminal, echo });
  writer.start(start);
  writer.prompt(prompt);
  for (const token of tokens) writer.token(token);
  writer.summary({ ...summary, tail });
  return printed;
}
