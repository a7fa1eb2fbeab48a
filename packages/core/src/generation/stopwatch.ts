/** Figures of spans that follow each other without a gap. */

import type { ForwardResult } from "@dllama/bindings";

import type { Figures } from "./types.ts";

const NONE: Omit<Figures, "generationMs"> = {
  inferenceMs: 0,
  transferMs: 0,
  sentBytes: 0,
  receivedBytes: 0,
};

export class Stopwatch {
  #start = performance.now();
  #span = { ...NONE };

  /** Counts a forward into the current span. */
  add({ inferenceMs, transferMs, sentBytes, receivedBytes }: ForwardResult): void {
    this.#span.inferenceMs += inferenceMs;
    this.#span.transferMs += transferMs;
    this.#span.sentBytes += sentBytes;
    this.#span.receivedBytes += receivedBytes;
  }

  /** Ends the current span and begins the next. */
  lap(): Figures {
    const now = performance.now();
    const figures = { generationMs: now - this.#start, ...this.#span };
    this.#start = now;
    this.#span = { ...NONE };
    return figures;
  }
}

/** The mean of some spans' figures; zeros for none. */
export class Averages {
  #sum: Figures = { generationMs: 0, ...NONE };
  #n = 0;

  add(figures: Figures): void {
    const sum = this.#sum;
    this.#sum = {
      generationMs: sum.generationMs + figures.generationMs,
      inferenceMs: sum.inferenceMs + figures.inferenceMs,
      transferMs: sum.transferMs + figures.transferMs,
      sentBytes: sum.sentBytes + figures.sentBytes,
      receivedBytes: sum.receivedBytes + figures.receivedBytes,
    };
    this.#n++;
  }

  /** Spans a second. */
  get rate(): number {
    return perSecond(this.#n, this.#sum.generationMs);
  }

  get mean(): Figures {
    const of = (total: number): number => (this.#n === 0 ? 0 : total / this.#n);
    const { generationMs, inferenceMs, transferMs, sentBytes, receivedBytes } = this.#sum;
    return {
      generationMs: of(generationMs),
      inferenceMs: of(inferenceMs),
      transferMs: of(transferMs),
      sentBytes: of(sentBytes),
      receivedBytes: of(receivedBytes),
    };
  }
}

/** 0 where no time has passed. */
export function perSecond(n: number, ms: number): number {
  return ms > 0 ? (n / ms) * 1000 : 0;
}
