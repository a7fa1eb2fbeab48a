/**
 * A Llama in f64, a position at a time, from the paper's formulas: what the engine is compared with.
 * Each intermediate result can be disturbed, to find out how far errors of a known size reach.
 */

import type { ReferenceWeights } from "./reference-weights.ts";

export interface Disturbance {
  /** The input of a matmul: changed in a copy. `type` is its weight's. */
  input?: (x: Float64Array, type: string) => Float64Array;
  /** One sum of `n` products, whose magnitudes add up to `magnitude`. */
  sum?: (value: number, n: number, magnitude: number) => number;
  /** One rank's partial sums before they are added up. */
  partial?: (x: Float64Array) => void;
  /** A token's embedding. */
  embedding?: (x: Float64Array) => void;
  /** A key or value as the cache keeps it. */
  cached?: (x: Float64Array) => void;
}

interface Matrix {
  type: string;
  rows: number;
  cols: number;
  values: Float64Array;
}

/** `first` to `end`. */
type Range = readonly [number, number];

export class ReferenceLlama {
  readonly #w: ReferenceWeights;
  readonly #worldSize: number;
  readonly #disturb: Disturbance;
  readonly #keys: Float64Array[][];
  readonly #values: Float64Array[][];

  constructor(weights: ReferenceWeights, worldSize = 1, disturbance: Disturbance = {}) {
    this.#w = weights;
    this.#worldSize = worldSize;
    this.#disturb = disturbance;
    this.#keys = Array.from({ length: weights.nLayers }, () => []);
    this.#values = Array.from({ length: weights.nLayers }, () => []);
  }

  /** Feeds a token; its logits. */
  step(token: number): Float64Array {
    const { dim, nLayers } = this.#w;
    const table = this.#w.matrix("token_embd");
    const x = table.values.slice(token * dim, (token + 1) * dim);
    this.#disturb.embedding?.(x);
    for (let layer = 0; layer < nLayers; layer++) {
      const weight = (name: string): Matrix => this.#w.matrix(`blk.${layer}.${name}`);
      const attended = this.#attend(layer, this.#norm(x, weight("attn_norm")), weight);
      this.#addPartials(x, weight("attn_output"), attended, this.#headRanges());
      const h = this.#norm(x, weight("ffn_norm"));
      const gate = this.#product(weight("ffn_gate"), h);
      const up = this.#product(weight("ffn_up"), h);
      const hidden = gate.map((g, i) => (g / (1 + Math.exp(-g))) * (up[i] ?? 0));
      this.#addPartials(x, weight("ffn_down"), hidden, this.#ranges(hidden.length, 1));
    }
    return this.#product(this.#w.matrix("output"), this.#norm(x, this.#w.matrix("output_norm")));
  }

  #norm(x: Float64Array, weight: Matrix): Float64Array {
    const meanSquare = x.reduce((sum, v) => sum + v * v, 0) / x.length;
    const scale = 1 / Math.sqrt(meanSquare + this.#w.eps);
    return x.map((v, i) => v * scale * (weight.values[i] ?? 0));
  }

  #attend(layer: number, h: Float64Array, weight: (name: string) => Matrix): Float64Array {
    const { nHeads, nKvHeads, headDim } = this.#w;
    const keys = this.#keys[layer] ?? [];
    const values = this.#values[layer] ?? [];
    const position = keys.length;
    const q = this.#rope(this.#product(weight("attn_q"), h), position);
    const k = this.#rope(this.#product(weight("attn_k"), h), position);
    const v = this.#product(weight("attn_v"), h);
    this.#disturb.cached?.(k);
    this.#disturb.cached?.(v);
    keys.push(k);
    values.push(v);
    const out = new Float64Array(q.length);
    for (let head = 0; head < nHeads; head++) {
      const first = head * headDim;
      const kv = Math.floor(head / (nHeads / nKvHeads)) * headDim;
      const scores = keys.map((key) => {
        let score = 0;
        for (let i = 0; i < headDim; i++) score += (q[first + i] ?? 0) * (key[kv + i] ?? 0);
        return score / Math.sqrt(headDim);
      });
      const max = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - max));
      const total = weights.reduce((sum, w) => sum + w, 0);
      for (const [at, value] of values.entries()) {
        const share = (weights[at] ?? 0) / total;
        for (let i = 0; i < headDim; i++) add(out, first + i, share * (value[kv + i] ?? 0));
      }
    }
    return out;
  }

  /** Interleaved pairs. */
  #rope(x: Float64Array, position: number): Float64Array {
    const { headDim, ropeTheta } = this.#w;
    const out = x.slice();
    for (let i = 0; i < x.length; i += 2) {
      const angle = position * ropeTheta ** (-(i % headDim) / headDim);
      const [a, b] = [x[i] ?? 0, x[i + 1] ?? 0];
      out[i] = a * Math.cos(angle) - b * Math.sin(angle);
      out[i + 1] = a * Math.sin(angle) + b * Math.cos(angle);
    }
    return out;
  }

  /** `x += w . input`, as the sum of the ranks' partial sums over their columns. */
  #addPartials(x: Float64Array, w: Matrix, input: Float64Array, ranges: Range[]): void {
    for (const range of ranges) {
      const partial = this.#product(w, input, range);
      this.#disturb.partial?.(partial);
      for (let i = 0; i < x.length; i++) add(x, i, partial[i] ?? 0);
    }
  }

  #product(w: Matrix, x: Float64Array, [first, end]: Range = [0, w.cols]): Float64Array {
    const input = this.#disturb.input?.(x, w.type) ?? x;
    const out = new Float64Array(w.rows);
    for (let row = 0; row < w.rows; row++) {
      let [sum, magnitude] = [0, 0];
      for (let i = first; i < end; i++) {
        const term = (w.values[row * w.cols + i] ?? 0) * (input[i] ?? 0);
        sum += term;
        magnitude += Math.abs(term);
      }
      out[row] = this.#disturb.sum?.(sum, end - first, magnitude) ?? sum;
    }
    return out;
  }

  #headRanges(): Range[] {
    return this.#ranges(this.#w.nHeads, this.#w.headDim);
  }

  /** Equal parts of `n` units of `width` columns. */
  #ranges(n: number, width: number): Range[] {
    const border = (rank: number): number => Math.floor((rank * n) / this.#worldSize) * width;
    return Array.from({ length: this.#worldSize }, (_, rank) => [border(rank), border(rank + 1)]);
  }
}

/** `x[i] += value` */
export function add(x: Float64Array, i: number, value: number): void {
  x[i] = (x[i] ?? 0) + value;
}
