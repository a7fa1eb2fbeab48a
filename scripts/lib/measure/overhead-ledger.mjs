/** What tokens took beyond their arithmetic. */

const NOTHING = { arithmetic: 0, otherOps: 0, inference: 0 };

export class OverheadLedger {
  #sum = { ...NOTHING };
  #startMs = 0;

  /** Forgets what was before. */
  start(nowMs) {
    this.#sum = { ...NOTHING };
    this.#startMs = nowMs;
  }

  /** @param {import("@dllama/bindings").ForwardResult} result of one rank and one thread */
  add({ inferenceMs, opMs: { matMul, attention, norm, sampling, other } }) {
    this.#sum.arithmetic += matMul + attention + norm;
    this.#sum.otherOps += sampling + other;
    this.#sum.inference += inferenceMs;
  }

  /** Microseconds a token of `nTokens` since the start. */
  means(nTokens, nowMs) {
    const { arithmetic, otherOps, inference } = this.#sum;
    const us = (ms) => (ms * 1000) / nTokens;
    const token = nowMs - this.#startMs;
    return {
      tokenUs: us(token),
      arithmeticUs: us(arithmetic),
      otherOpsUs: us(otherOps),
      forwardUs: us(inference - arithmetic - otherOps),
      javaScriptUs: us(token - inference),
      overheadUs: us(token - arithmetic),
    };
  }
}
