/**
 * A whole row of logits from the best token to the worst, equal ones by ascending id. A row of 128 thousand
 * takes tens of milliseconds to sort by comparing; as numbers that hold logit and id it takes a few, in
 * runs between which the event loop goes round.
 */

import { TimeSlice } from "../time-slice.ts";

export interface RankedRow {
  ids: Uint32Array;
  /** Of `ids`. */
  logits: Float32Array;
}

/** About a millisecond of sorting. */
const RUN = 8192;
/** Tokens merged between two looks at the clock. */
const TOKENS_A_LOOK = 1024;

/** More ids than a vocabulary has; together with 32 bits of a logit they are exact in a double. */
const IDS = 2 ** 20;

/** `logits`: (vocabSize) f32, indexed by id. */
export async function rankRow(logits: Float32Array): Promise<RankedRow> {
  const slice = new TimeSlice();
  const runs: Float64Array[] = [];
  for (let begin = 0; begin < logits.length; begin += RUN) {
    // oxlint-disable-next-line no-await-in-loop -- lets the event loop go round
    if (slice.isOver) await slice.next();
    runs.push(sortedRun(logits, begin, Math.min(begin + RUN, logits.length)));
  }
  const ids = new Uint32Array(logits.length);
  const ranked = new Float32Array(logits.length);
  const heads = new Uint32Array(runs.length);
  for (let place = 0; place < ids.length; place++) {
    // oxlint-disable-next-line no-await-in-loop -- see above
    if (place % TOKENS_A_LOOK === 0 && slice.isOver) await slice.next();
    const id = takeBest(runs, heads) % IDS;
    ids[place] = id;
    ranked[place] = logits[id] ?? Number.NEGATIVE_INFINITY;
  }
  // Whoever asked goes through it all once more.
  await slice.next();
  return { ids, logits: ranked };
}

/** Keys that ascend as logits descend, and for equal logits as ids ascend. */
function sortedRun(logits: Float32Array, begin: number, end: number): Float64Array {
  const values = logits.slice(begin, end);
  // Adding 0 makes -0 equal to 0.
  for (let i = 0; i < values.length; i++) values[i] = (values[i] ?? 0) + 0;
  const bits = new Uint32Array(values.buffer);
  const keys = new Float64Array(values.length);
  for (let i = 0; i < keys.length; i++) {
    const pattern = bits[i] ?? 0;
    // IEEE 754: the patterns of positive numbers ascend with them, those of negative ones descend.
    const descending = pattern >>> 31 === 1 ? pattern : ~(pattern ^ 0x8000_0000) >>> 0;
    keys[i] = descending * IDS + begin + i;
  }
  // oxlint-disable-next-line unicorn/no-array-sort -- a copy of numbers that nobody else has
  return keys.sort();
}

/** The least of the runs' first keys, which its run then has no longer. */
function takeBest(runs: readonly Float64Array[], heads: Uint32Array): number {
  let best = Number.POSITIVE_INFINITY;
  let bestRun = 0;
  for (let run = 0; run < runs.length; run++) {
    const key = runs[run]?.[heads[run] ?? 0] ?? Number.POSITIVE_INFINITY;
    if (key < best) [best, bestRun] = [key, run];
  }
  heads[bestRun] = (heads[bestRun] ?? 0) + 1;
  return best;
}
