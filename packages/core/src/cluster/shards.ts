/**
 * Who gets what of a model: heads, FFN columns and vocabulary rows of each rank.
 *
 * The unit of a split is the smallest that keeps row-parallel slices on the borders of quantised
 * blocks, so that no value is ever quantised again.
 */

import { DllamaError } from "../errors.ts";

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
 * Equal parts for `worldSize` ranks, as far as units allow.
 *
 * @throws DllamaError TOO_MANY_RANKS if there are fewer attention units than ranks.
 */
export function planShards(sizes: SplitSizes, worldSize: number): Shard[] {
  const { nHeads, nKvHeads, headDim, hiddenDim, vocabSize, quantised } = sizes;
  const headUnit = quantised.attentionOutput ? BLOCK_SIZE / gcd(BLOCK_SIZE, headDim) : 1;
  const nUnits = Math.floor(nHeads / headUnit);
  if (worldSize > nUnits) {
    throw new DllamaError(
      "TOO_MANY_RANKS",
      `this model can be shared over at most ${nUnits} ranks, got ${worldSize} (the root and ${worldSize - 1} workers)`,
      { hint: `Name at most ${nUnits - 1} workers: each rank needs a unit of attention heads.` },
    );
  }
  const heads = split(nHeads, headUnit, worldSize);
  const hidden = split(hiddenDim, quantised.ffnDown ? BLOCK_SIZE : 1, worldSize);
  const vocab = split(vocabSize, 1, worldSize);
  const groupSize = nHeads / nKvHeads;
  return heads.map((part, rank) => {
    const first = Math.floor(part.first / groupSize);
    const end = Math.ceil((part.first + part.n) / groupSize);
    return {
      rank,
      worldSize,
      heads: part,
      kvHeads: { first, n: end - first },
      hidden: at(hidden, rank),
      vocab: at(vocab, rank),
    };
  });
}

/** Parts of `size` on borders of `unit`, none larger than another by more than one unit. */
function split(size: number, unit: number, worldSize: number): Part[] {
  const nUnits = Math.ceil(size / unit);
  const border = (rank: number): number =>
    Math.min(size, Math.floor((rank * nUnits) / worldSize) * unit);
  return Array.from({ length: worldSize }, (_, rank) => ({
    first: border(rank),
    n: border(rank + 1) - border(rank),
  }));
}

function at(parts: Part[], rank: number): Part {
  const part = parts[rank];
  if (part === undefined) throw new RangeError(`no part for rank ${rank}`);
  return part;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
