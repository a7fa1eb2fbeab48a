/**
 * Who gets what of a model: heads, FFN columns and vocabulary rows of each rank.
 *
 * The unit of a split is the smallest that keeps row-parallel slices on the borders of quantised
 * blocks, so that no value is ever quantised again.
 */

import { DllamaError } from "../errors.ts";
import { requireSplit } from "./split.ts";

/** Values of a quantised block. */
const BLOCK_SIZE = 32;

/** Part of a dimension: `first` to `first + n`. It may be empty. */
export interface Part {
  first: number;
  n: number;
}

/** What one rank computes with. */
export interface Shard {
  rank: number;
  worldSize: number;
  /** Query heads. */
  heads: Part;
  /** The KV heads that those use; one at a border lies on two ranks. */
  kvHeads: Part;
  /** Columns of the FFN's hidden dimension. */
  hidden: Part;
  /** Rows of the output matrix. */
  vocab: Part;
}

/** The sizes of a model that is split. */
export interface SplitSizes {
  nHeads: number;
  nKvHeads: number;
  headDim: number;
  hiddenDim: number;
  vocabSize: number;
  /** Whether the matrices that are split by input features are quantised. */
  quantised: { attentionOutput: boolean; ffnDown: boolean };
}

/**
 * Parts in proportion to `split`, the weights of the ranks, on borders of units.
 *
 * A border is the exact one rounded down to a unit. So each part is within one unit of its exact
 * size, the parts of equal weights differ by one unit at most, and a rank of a small weight may get
 * an empty part.
 *
 * @throws DllamaError TOO_MANY_RANKS if there are fewer attention units than ranks, and
 * INVALID_ARGUMENT for a split that is no list of weights.
 */
export function planShards(sizes: SplitSizes, split: readonly number[]): Shard[] {
  const { nHeads, nKvHeads, hiddenDim, vocabSize, quantised } = sizes;
  requireSplit(split);
  const worldSize = split.length;
  const headUnit = headsOfUnit(sizes);
  const nUnits = attentionUnits(sizes);
  if (worldSize > nUnits) {
    throw new DllamaError(
      "TOO_MANY_RANKS",
      `this model can be shared over at most ${nUnits} ranks, got ${worldSize} (the root and ${worldSize - 1} workers)`,
      {
        hint:
          nUnits === 1
            ? "This model has one unit of attention heads and cannot be shared: leave --workers out."
            : `Name at most ${nUnits - 1} worker${nUnits === 2 ? "" : "s"}: each rank needs a unit of attention heads.`,
      },
    );
  }
  const heads = cut(nHeads, headUnit, split);
  const hidden = cut(hiddenDim, quantised.ffnDown ? BLOCK_SIZE : 1, split);
  const vocab = cut(vocabSize, 1, split);
  const groupSize = nHeads / nKvHeads;
  return heads.map((part, rank) => ({
    rank,
    worldSize,
    heads: part,
    kvHeads: kvHeadsOf(part, groupSize),
    hidden: at(hidden, rank),
    vocab: at(vocab, rank),
  }));
}

/** As many ranks as this can have a part of the attention. */
export function attentionUnits(sizes: SplitSizes): number {
  return Math.floor(sizes.nHeads / headsOfUnit(sizes));
}

/** Query heads that are whole blocks together. */
function headsOfUnit({ headDim, quantised }: SplitSizes): number {
  return quantised.attentionOutput ? BLOCK_SIZE / gcd(BLOCK_SIZE, headDim) : 1;
}

/** The groups that query heads lie in; no heads need none. */
function kvHeadsOf({ first: firstHead, n }: Part, groupSize: number): Part {
  const first = Math.floor(firstHead / groupSize);
  return { first, n: n === 0 ? 0 : Math.ceil((firstHead + n) / groupSize) - first };
}

/**
 * Decimal weights have no exact sum in binary: a border that is this close below a unit is on it, so
 * that `0.3,0.3,0.6` is cut as `1,1,2` is. Borders of whole weights are further apart than that.
 */
const ROUNDING = 1e-9;

/** Parts of `size` on borders of `unit`, as `split` has them. */
function cut(size: number, unit: number, split: readonly number[]): Part[] {
  const nUnits = Math.ceil(size / unit);
  const total = split.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  let first = 0;
  return split.map((weight, rank) => {
    sum += weight;
    const isLast = rank === split.length - 1;
    const border = Math.floor((sum * nUnits) / total + ROUNDING);
    const end = isLast ? size : Math.min(size, border * unit);
    const part = { first, n: end - first };
    first = end;
    return part;
  });
}

function at(parts: Part[], rank: number): Part {
  const part = parts[rank];
  if (part === undefined) throw new RangeError(`no part for rank ${rank}`);
  return part;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
