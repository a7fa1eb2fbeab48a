/**
 * What a run prints on stdout, behind one interface: each `--format` is one file beside this one.
 */

import type { ClusterEvent, Model, PromptReport, Summary, Token } from "@dllama/core";

export interface RunStart {
  info: Model["info"];
  seed: number;
  bufferFloatType: "q80" | "f32";
  kvCacheType: "f16" | "q80" | "f32";
}

/** Methods are called in this order; those of a run that is cut short may be missing. */
export interface RunWriter {
  start(run: RunStart): void;
  prompt(prompt: PromptReport): void;
  token(token: Token): void;
  /** Between any two of the others. Formats for people leave it to stderr. */
  clusterEvent?(event: ClusterEvent): void;
  summary(summary: Summary): void;
}

export interface WriterOptions {
  write: (text: string) => void;
  /** Is stdout a terminal, which control characters would steer? */
  isTerminal: boolean;
  /** The text format prints the prompt too. */
  echo: boolean;
}
