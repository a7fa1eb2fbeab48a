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
  ranks: [],
  heldBack: undefined,
  advice: [],
};

const silent = {
  celsius: null,
  frequencyMhz: null,
  allowedMhz: null,
  possibleMhz: null,
  throttleEvents: null,
  firmwareFlags: null,
};

/** The same run with two ranks, one of which holds the other back. */
export const shared: Pick<Summary, "ranks" | "advice"> = {
  ranks: [
    {
      rank: 0,
      address: "10.0.0.1:9998",
      nForwards: 1,
      computeMs: 12.3456,
      waitMs: 0.25,
      networkMs: 9.5,
      sentBytes: 2048.5,
      receivedBytes: 1024,
      share: 0.5,
      host: silent,
      throttling: [],
    },
    {
      rank: 1,
      address: "10.0.0.2:9998",
      nForwards: 1,
      computeMs: 20,
      waitMs: 0,
      networkMs: 1.75,
      sentBytes: 1024,
      receivedBytes: 2048,
      share: 0.5,
      host: { ...silent, celsius: 82 },
      throttling: ["its firmware throttled it", "82 °C now"],
    },
  ],
  advice: ["Rank 1 (10.0.0.2:9998) was slowed down: its firmware throttled it; 82 °C now."],
};

/** What a writer prints of the run. */
export function printRun(
  createWriter: (options: {
    write: (text: string) => void;
    isTerminal: boolean;
    echo: boolean;
  }) => RunWriter,
  {
    isTerminal = false,
    echo = false,
    tail = "",
    more = {},
  }: { isTerminal?: boolean; echo?: boolean; tail?: string; more?: Partial<Summary> } = {},
): string {
  let printed = "";
  const writer = createWriter({ write: (text) => void (printed += text), isTerminal, echo });
  writer.start(start);
  writer.prompt(prompt);
  for (const token of tokens) writer.token(token);
  writer.summary({ ...summary, tail, ...more });
  return printed;
}
