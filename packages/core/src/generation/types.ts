/** What a generation is asked for, and what it reports. */

import type { ClusterEvent } from "../cluster/recovery/recovery.ts";

import type { HeldBack } from "../cluster/held-back.ts";
import type { RankReport } from "../cluster/rank-report.ts";

/** As the original: G, I, T, S and R of a span of a run. Measured each, not derived from each other. */
export interface Figures {
  /** G: all the time of the span. */
  generationMs: number;
  /** I: wall time of its forwards, without `transferMs`. */
  inferenceMs: number;
  /** T: wall time in which its forwards waited for the network alone. */
  transferMs: number;
  /** S: bytes given to the root's sockets, framing included. */
  sentBytes: number;
  /** R: bytes taken from the root's sockets, framing included. */
  receivedBytes: number;
}

/** The figures of the prompt, from the beginning until its logits. */
export interface PromptReport extends Figures {
  /** Tokens of the prompt, BOS included. */
  tokens: number;
  text: string;
}

/** A generated token, with the figures since the one before. */
export interface Token extends Figures {
  id: number;
  /** Whole characters that it completes: one that it only begins comes with a later token. */
  text: string;
}

export type StopReason = "eos" | "steps" | "context" | "aborted";

export interface Summary {
  /** What each rank did for the generated tokens, in rank order; empty if a rank did not tell. */
  ranks: RankReport[];
  /** The rank that all others wait for, if another split would make that less. */
  heldBack: HeldBack | undefined;
  /** What is worth knowing of the ranks, a sentence each: who holds the others back, who was slowed down. */
  advice: string[];
  /** BOS included. */
  promptTokens: number;
  generatedTokens: number;
  /** `promptTokens` by the time until the prompt's logits; 0 if they never came. */
  prefillTokensPerSecond: number;
  /** `generatedTokens - 1` by the time from the first to the last; 0 for fewer than two. */
  decodeTokensPerSecond: number;
  stopReason: StopReason;
  /** Text of bytes that the run left incomplete: usually empty. */
  tail: string;
  /** Of the generated tokens but the first, which comes from the prompt's forward. */
  averages: Figures;
}

export interface GenerateOptions {
  /** Tokens to generate at most. Defaults to as many as the context holds. */
  steps?: number | undefined;
  /** 0 takes the best token always; at most 100. Defaults to `0.8`. */
  temperature?: number | undefined;
  /** Draws from the fewest best tokens whose probabilities add up to this. Defaults to `0.9`. */
  topP?: number | undefined;
  /** An integer from 0 to 2^53 - 1; equal seeds give equal text. Defaults to a random one. */
  seed?: number | undefined;
  /** Goes on after the end-of-sequence token. Defaults to `false`. */
  ignoreEos?: boolean | undefined;
  /** Ends the generation at the next forward, with the stop reason `aborted`; a recovery at once. */
  signal?: AbortSignal | undefined;
  /** Told when a rank is gone, and when the text goes on. */
  onEvent?: ((event: ClusterEvent) => void) | undefined;
}
