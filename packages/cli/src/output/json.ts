/**
 * One JSON object a line, for programs. Times in milliseconds with three decimals, sizes in bytes.
 */

import type { Figures, RankReport } from "@dllama/core";
import type { RunWriter, WriterOptions } from "./run-writer.ts";

export function jsonWriter({ write }: Pick<WriterOptions, "write">): RunWriter {
  const print = (type: string, fields: object) => write(`${JSON.stringify({ type, ...fields })}\n`);
  return {
    start({ info, seed, bufferFloatType, kvCacheType }) {
      const { path, worldSize, nthreads, isa, plan } = info;
      const types = { bufferFloatType, kvCacheType };
      print("start", { model: path, worldSize, nthreads, isa, plan, seed, ...types });
    },
    prompt: (prompt) => print("prompt", { tokens: prompt.tokens, ...figures(prompt) }),
    token: (token) => print("token", { id: token.id, text: token.text, ...figures(token) }),
    clusterEvent({ type, ...event }) {
      print(type, "afterMs" in event ? { ...event, afterMs: round(event.afterMs) } : event);
    },
    summary(summary) {
      print("summary", {
        promptTokens: summary.promptTokens,
        generatedTokens: summary.generatedTokens,
        prefillTokensPerSecond: round(summary.prefillTokensPerSecond),
        decodeTokensPerSecond: round(summary.decodeTokensPerSecond),
        stopReason: summary.stopReason,
        // Of several ranks, or of one that was slowed down.
        ...(summary.ranks.length > 1 || summary.advice.length > 0
          ? { ranks: summary.ranks.map(rankFields), advice: summary.advice }
          : {}),
        // Present only when the run ended within a character: what its tokens' texts lack.
        ...(summary.tail === "" ? {} : { tail: summary.tail }),
      });
    },
  };
}

function figures(of: Figures): Figures {
  return {
    generationMs: round(of.generationMs),
    inferenceMs: round(of.inferenceMs),
    transferMs: round(of.transferMs),
    sentBytes: of.sentBytes,
    receivedBytes: of.receivedBytes,
  };
}

function rankFields(rank: RankReport): object {
  return {
    ...rank,
    computeMs: round(rank.computeMs),
    waitMs: round(rank.waitMs),
    networkMs: round(rank.networkMs),
    sentBytes: Math.round(rank.sentBytes),
    receivedBytes: Math.round(rank.receivedBytes),
    share: round(rank.share),
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
