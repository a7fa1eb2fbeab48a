/**
 * What a token asks of each rank, from the Programs: phases of computation that end in an exchange. In a
 * phase ranks compute side by side, and the slowest holds the others.
 */

import type { Op } from "../program/generated/Op.ts";
import type { Program } from "../program/generated/Program.ts";
import { blockBytes, weightBytes } from "./weight-bytes.ts";
import { exchangeOf } from "./wire.ts";
import type { Exchange } from "./wire.ts";

/** What one rank computes in a phase. */
export interface Work {
  /** Bytes of weights, and of keys and values, that memory has to deliver. */
  readBytes: number;
  /** Multiplications and additions of the products, a row. */
  nOps: number;
}

export interface Phase {
  /** In rank order. */
  work: Work[];
  /** What follows; the last phase of one rank alone has nothing. */
  exchange: Exchange | undefined;
}

export interface WorkOptions {
  /** From this many bytes a partial is scattered; null scatters none. */
  scatteredFromBytes: number | null;
  /** Positions that are in the KV cache. */
  depth: number;
}

/** A token's phases. The Programs, one a rank, have the same steps. */
export function tokenPhases(programs: readonly Program[], options: WorkOptions): Phase[] {
  const [root] = programs;
  if (root === undefined) return [];
  const phases: Phase[] = [];
  let work = programs.map(nothing);
  const end = (exchange: Exchange | undefined): void => {
    phases.push({ work, exchange });
    work = programs.map(nothing);
  };
  for (const [index, { op }] of root.steps.entries()) {
    work = work.map((done, rank) => {
      const program = programs[rank];
      const step = program?.steps[index];
      return program && step ? sum(done, workOf(step.op, program, options.depth)) : done;
    });
    const exchange = exchangeOf(op, root, options.scatteredFromBytes);
    if (exchange !== undefined) end(exchange);
  }
  if (work.some(({ readBytes, nOps }) => readBytes > 0 || nOps > 0)) end(undefined);
  return phases;
}

/** All that a rank does for a token. */
export function totalWork(phases: readonly Phase[], rank: number): Work {
  return phases.reduce((total, { work }) => sum(total, work[rank] ?? nothing()), nothing());
}

/** Bytes that each rank sends or receives for a token. */
export function totalBytes(
  phases: readonly Phase[],
  which: "sentBytes" | "receivedBytes",
  rank: number,
): number {
  return phases.reduce((total, { exchange }) => total + (exchange?.[which][rank] ?? 0), 0);
}

function workOf(op: Op, program: Program, depth: number): Work {
  if (op.kind === "matMul") {
    return op.products.reduce((total, { weight: index }) => {
      const weight = program.weights[index];
      if (weight === undefined) return total;
      const nOps = 2 * weight.rows * weight.cols;
      return sum(total, { readBytes: weightBytes(weight), nOps });
    }, nothing());
  }
  if (op.kind === "attention") {
    const cache = program.kvCaches[op.cache];
    if (cache === undefined) return nothing();
    const { nKvHeads, headDim } = cache;
    const positions = depth + 1;
    const row = blockBytes(program.kvCacheType, headDim);
    const qWidth = program.buffers[op.q]?.width ?? 0;
    // Keys, then values; a product with each.
    return { readBytes: 2 * nKvHeads * row * positions, nOps: 4 * qWidth * positions };
  }
  if (op.kind === "rmsNorm") {
    const weight = program.weights[op.weight];
    return { readBytes: weight === undefined ? 0 : weightBytes(weight), nOps: 0 };
  }
  // Of some thousand values each: nothing beside the products.
  return nothing();
}

function nothing(): Work {
  return { readBytes: 0, nOps: 0 };
}

function sum(a: Work, b: Work): Work {
  return { readBytes: a.readBytes + b.readBytes, nOps: a.nOps + b.nOps };
}
