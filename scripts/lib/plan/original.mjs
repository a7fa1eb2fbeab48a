/**
 * Distributed Llama 0.1, as its published measurements saw it: what each node computes for a token, and
 * what the root exchanges with the others. All traffic goes over the root: seven exchanges a layer, of
 * which one is a gather and a broadcast. Attention, norms and logits are the root's alone.
 *
 * Weights are Q40, buffers Q80.
 */

const Q40_BYTES = 18 / 32;

/** Bytes of `n` values as Q80 blocks. */
const q80 = (n) => (n / 32) * 34;

/** A token's phases on `nNodes`, for packages/core/src/planning/costs.ts. */
export function originalPhases({ dim, hiddenDim, nLayers, vocabSize }, nNodes) {
  const phases = [];
  const read = (nWeights) => ({ readBytes: nWeights * Q40_BYTES, nOps: 0 });
  const nothing = Array.from({ length: nNodes }, () => read(0));
  const each = (nWeights) => nothing.map(() => read(nWeights / nNodes));
  const step = (work, toEach, fromEach, nTrips) => {
    phases.push({ work, exchange: exchange(nNodes, toEach, fromEach, nTrips) });
  };
  for (let layer = 0; layer < nLayers; layer++) {
    step(nothing, q80(dim), 0, 1);
    step(each(3 * dim * dim), 0, 3 * q80(dim / nNodes), 1);
    step(nothing, q80(dim), 0, 1);
    step(each(dim * dim), 0, q80(dim / nNodes), 1);
    step(nothing, q80(dim), 0, 1);
    const part = q80(hiddenDim / nNodes);
    step(each(2 * dim * hiddenDim), (nNodes - 1) * part, part, 2);
    step(each(dim * hiddenDim), 0, q80(dim / nNodes), 1);
  }
  const logits = nothing.map((none, node) => (node === 0 ? read(vocabSize * dim) : none));
  phases.push({ work: logits, exchange: undefined });
  return phases;
}

/** Between the root and each other node. */
function exchange(nNodes, toEach, fromEach, nTrips) {
  if (nNodes === 1) return undefined;
  const others = nNodes - 1;
  const perNode = (ofRoot, ofOther) =>
    Array.from({ length: nNodes }, (_, node) => (node === 0 ? ofRoot : ofOther));
  return {
    sentBytes: perNode(others * toEach, fromEach),
    receivedBytes: perNode(others * fromEach, toEach),
    nTrips,
  };
}

/** https://github.com/b4rtaz/distributed-llama, README of version 0.1: Raspberry Pi 4B 8 GB, a gigabit switch. */
export const PUBLISHED = [
  { shape: "llama2-7b", nNodes: 1, tokenMs: 1312.5 },
  { shape: "llama2-7b", nNodes: 2, tokenMs: 793.69, sentKb: 590, receivedKb: 522 },
  { shape: "llama2-7b", nNodes: 4, tokenMs: 494 },
  { shape: "llama2-13b", nNodes: 2, tokenMs: 1497.19, sentKb: 924, receivedKb: 818 },
  { shape: "llama2-13b", nNodes: 4, tokenMs: 848.19 },
];
