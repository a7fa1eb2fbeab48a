/**
 * Writes a Program: one method an op. Weights, buffers, ropes and caches are declared as they come
 * and named by the handles that the methods return.
 *
 * Nothing is checked here that the engine checks anyway, and better: it is the engine that must not
 * believe a Program.
 */

import type { BufferRows } from "./generated/BufferRows.ts";
import type { FloatType } from "./generated/FloatType.ts";
import type { KvCache } from "./generated/KvCache.ts";
import type { Op } from "./generated/Op.ts";
import type { Program } from "./generated/Program.ts";
import type { Rope } from "./generated/Rope.ts";
import type { Weight } from "./generated/Weight.ts";

/** The version of the schema that these types are. */
const VERSION = 1;

/** What a Program says before its lists. */
export type ProgramHeader = Omit<
  Program,
  "version" | "weights" | "buffers" | "ropes" | "kvCaches" | "steps"
>;

declare const kind: unique symbol;
/** An index into one of the Program's lists. */
type Handle<Kind extends string> = number & { readonly [kind]?: Kind };
export type BufferHandle = Handle<"buffer">;
export type WeightHandle = Handle<"weight">;
export type RopeHandle = Handle<"rope">;
export type CacheHandle = Handle<"cache">;

export class ProgramBuilder {
  readonly #program: Program;
  #layer: number | null = null;

  constructor(header: ProgramHeader) {
    const lists = { weights: [], buffers: [], ropes: [], kvCaches: [], steps: [] };
    this.#program = { version: VERSION, ...header, ...lists };
  }

  /** The Program as far as it is written. */
  build(): Program {
    return this.#program;
  }

  weight(weight: Weight): WeightHandle {
    return push<"weight">(this.#program.weights, weight);
  }

  /** Activations: (rows, width) f32. */
  buffer(name: string, width: number, rows: BufferRows = "all"): BufferHandle {
    return push<"buffer">(this.#program.buffers, { name, width, rows });
  }

  rotation(rope: Rope): RopeHandle {
    return push<"rope">(this.#program.ropes, rope);
  }

  kvCache(cache: KvCache): CacheHandle {
    return push<"cache">(this.#program.kvCaches, cache);
  }

  /** The ops that `write` adds belong to layer `layer`, for messages. */
  layer(layer: number, write: () => void): void {
    this.#layer = layer;
    write();
    this.#layer = null;
  }

  /** `out = embedding[token]`; only the root has the table. */
  embedding(weight: WeightHandle | null, wire: FloatType, out: BufferHandle): void {
    this.#step({ kind: "embedding", weight, wire, out });
  }

  /** `out = input / sqrt(mean(input^2) + eps) * weight` */
  rmsNorm(input: BufferHandle, weight: WeightHandle, out: BufferHandle, eps: number): void {
    this.#step({ kind: "rmsNorm", input, weight, out, eps });
  }

  /** `out = input * weight^T` for each product. */
  matMul(input: BufferHandle, products: { weight: WeightHandle; out: BufferHandle }[]): void {
    this.#step({ kind: "matMul", input, products });
  }

  /** Turns the heads of each buffer by their row's position. */
  rope(rope: RopeHandle, buffers: BufferHandle[]): void {
    this.#step({ kind: "rope", rope, buffers });
  }

  /** Stores keys and values, then `out = softmax(scale * q . keys) . values`. */
  attention(attention: {
    cache: CacheHandle;
    q: BufferHandle;
    k: BufferHandle;
    v: BufferHandle;
    out: BufferHandle;
    /** Query heads that share a KV head. */
    groupSize: number;
    /** Place of this rank's first query head in its group. */
    firstInGroup: number;
    scale: number;
  }): void {
    this.#step({ kind: "attention", ...attention });
  }

  /** `out = silu(gate) * up` */
  swiGlu(gate: BufferHandle, up: BufferHandle, out: BufferHandle): void {
    this.#step({ kind: "swiGlu", gate, up, out });
  }

  /** `into += sum over the ranks of input` */
  allReduce(input: BufferHandle, into: BufferHandle): void {
    this.#step({ kind: "allReduce", input, into });
  }

  /** Copies the rows whose logits are wanted. */
  selectRows(input: BufferHandle, out: BufferHandle): void {
    this.#step({ kind: "selectRows", input, out });
  }

  /** The best `k` tokens of each row and the log-sum-exp, to the root. The last op. */
  candidates(logits: BufferHandle, vocabSplit: number[], k: number): void {
    this.#step({ kind: "candidates", logits, vocabSplit, k });
  }

  #step(op: Op): void {
    this.#program.steps.push({ layer: this.#layer, op });
  }
}

function push<Kind extends string>(list: object[], item: object): Handle<Kind> {
  return list.push(item) - 1;
}
