/** Where the time of some tokens went. */

import type { ForwardResult } from "@dllama/bindings";

import type { ForwardCounter } from "../generation/session.ts";

/** Parts of the whole time; together 1. */
export interface TimeShares {
  matmul: number;
  attention: number;
  norm: number;
  /** The first thread waited for the others between two ops. */
  wait: number;
  /** Waiting for the network alone. */
  network: number;
  /** Choosing tokens, natively and in JavaScript. */
  sampling: number;
  /** Between the forwards: conversion of rows and results, promises, the thread pool's queue. */
  javaScript: number;
  /** RoPE, SwiGLU, embedding, sums of partials, and what a forward costs besides its ops. */
  other: number;
}

/** What went over the network, a token. */
export interface TransferFigures {
  msPerToken: number;
  sentBytesPerToken: number;
  receivedBytesPerToken: number;
}

const NOTHING = {
  matMul: 0,
  attention: 0,
  norm: 0,
  wait: 0,
  sampling: 0,
  inferenceMs: 0,
  transferMs: 0,
  sentBytes: 0,
  receivedBytes: 0,
};

/** Milliseconds and bytes of one or more runs. */
export class TimeLedger implements ForwardCounter {
  #sum = { ...NOTHING };
  #totalMs = 0;
  #pickMs = 0;
  #nTokens = 0;

  add({ opMs, inferenceMs, transferMs, sentBytes, receivedBytes }: ForwardResult): void {
    const sum = this.#sum;
    sum.matMul += opMs.matMul;
    sum.attention += opMs.attention;
    sum.norm += opMs.norm;
    sum.wait += opMs.wait;
    sum.sampling += opMs.sampling;
    sum.inferenceMs += inferenceMs;
    sum.transferMs += transferMs;
    sum.sentBytes += sentBytes;
    sum.receivedBytes += receivedBytes;
  }

  /** Counts the time that the choice of a token took in JavaScript. */
  addPick(ms: number): void {
    this.#pickMs += ms;
  }

  /** Ends a run: so many tokens took so long, all in all. */
  addRun(nTokens: number, ms: number): void {
    this.#nTokens += nTokens;
    this.#totalMs += ms;
  }

  get shares(): TimeShares {
    const { matMul, attention, norm, wait, sampling, inferenceMs, transferMs } = this.#sum;
    const total = this.#totalMs;
    // Clocks are read one after another: what is left over may be a rounding below nothing.
    const share = (ms: number): number => (total > 0 ? Math.max(0, ms / total) : 0);
    return {
      matmul: share(matMul),
      attention: share(attention),
      norm: share(norm),
      wait: share(wait),
      network: share(transferMs),
      sampling: share(sampling + this.#pickMs),
      javaScript: share(total - inferenceMs - transferMs - this.#pickMs),
      other: share(inferenceMs - matMul - attention - norm - wait - sampling),
    };
  }

  get transfer(): TransferFigures {
    const { transferMs, sentBytes, receivedBytes } = this.#sum;
    const perToken = (total: number): number => total / Math.max(1, this.#nTokens);
    return {
      msPerToken: perToken(transferMs),
      sentBytesPerToken: perToken(sentBytes),
      receivedBytesPerToken: perToken(receivedBytes),
    };
  }
}
