/**
 * Chooses the next token: temperature, then top-p (Holtzman et al., "The curious case of neural text
 * degeneration", 2020), then one random draw. The best few candidates and the log-sum-exp of all logits
 * nearly always suffice; when they do not, the whole row decides, with the same draw and the same sums
 * in the same order, so that the number of candidates never changes the text.
 */
import { DllamaError } from "../errors.ts";
import { rankRow } from "./ranked-row.ts";
import { SplitMix } from "./split-mix.ts";

export interface SamplerOptions {
  /** 0 takes the best token always; at most 100. Below 0.01 counts as 0. Defaults to `0.8`. */
  temperature?: number | undefined;
  /** Draws from the fewest best tokens whose probabilities add up to this; above 0, at most 1. Defaults to `0.9`. */
  topP?: number | undefined;
  /** An integer from 0 to 2^53 - 1. Equal seeds make equal choices. */
  seed: number;
}

/** The best tokens of one row of logits. */
export interface Candidates {
  ids: Uint32Array;
  /** Of `ids`, descending; equal ones by ascending id. */
  logits: Float32Array;
  /** Of all logits of the row, each divided by the sampler's temperature. Not used at temperature 0. */
  logSumExp: number;
}

export const DEFAULT_TEMPERATURE = 0.8;
export const DEFAULT_TOP_P = 0.9;

/**
 * The log-sum-exp comes as f32 and grows as 1 / temperature: below this its last place would be worth more
 * than a thousandth of the probability, while the best token is ahead by nearly all of it.
 */
const MIN_TEMPERATURE = 0.01;
const MAX_TEMPERATURE = 100;

export class Sampler {
  /** What logits are to be divided by: as f32, because the log-sum-exp is computed with that. */
  readonly temperature: number;
  readonly topP: number;
  readonly #random: SplitMix;
  /** Of the row whose candidates did not suffice. */
  #unfinished: { draw: number; logSumExp: number } | undefined;

  /** @throws DllamaError INVALID_ARGUMENT for an option out of range. */
  constructor({ temperature = DEFAULT_TEMPERATURE, topP = DEFAULT_TOP_P, seed }: SamplerOptions) {
    check(
      temperature >= 0 && temperature <= MAX_TEMPERATURE,
      "temperature",
      `from 0 to ${MAX_TEMPERATURE}`,
      temperature,
    );
    check(topP > 0 && topP <= 1, "topP", "above 0 and at most 1", topP);
    check(Number.isSafeInteger(seed) && seed >= 0, "seed", "an integer from 0 to 2^53 - 1", seed);
    this.temperature = temperature < MIN_TEMPERATURE ? 0 : Math.fround(temperature);
    this.topP = topP;
    this.#random = new SplitMix(seed);
  }

  /**
   * The next token's id, or null if it depends on tokens beyond the candidates: then `pickFull` must
   * follow with the whole row. Takes one random number, or none at temperature 0.
   */
  pick({ ids, logits, logSumExp }: Candidates): number | null {
    if (this.temperature === 0) return ids[0] ?? null;
    const draw = this.#random.nextFloat();
    const place = this.#choose(logits, logSumExp, draw, false);
    this.#unfinished = place === null ? { draw, logSumExp } : undefined;
    return place === null ? null : (ids[place] ?? null);
  }

  /**
   * Finishes what `pick` began, and returns the id that it would have returned with every token as a
   * candidate. `logits`: (vocabSize) f32, indexed by id.
   *
   * Rejects with a DllamaError NUMBER_NOT_FINITE if the log-sum-exp was not that of these logits;
   * INTERNAL if there was no `pick` that returned null.
   */
  async pickFull(logits: Float32Array): Promise<number> {
    if (this.#unfinished === undefined) {
      throw new DllamaError("INTERNAL", "pickFull() needs a pick() that returned null");
    }
    const { draw, logSumExp } = this.#unfinished;
    this.#unfinished = undefined;
    const { ids, logits: ranked } = await rankRow(logits);
    const place = this.#choose(ranked, logSumExp, draw, true);
    const id = place === null ? undefined : ids[place];
    if (id === undefined) {
      throw new DllamaError(
        "NUMBER_NOT_FINITE",
        "expected probabilities that add up to a number, got logits or a log-sum-exp that do not",
      );
    }
    return id;
  }

  /** The place of the drawn token among descending logits; null if they end too early, or are no numbers. */
  #choose(
    logits: Float32Array,
    logSumExp: number,
    draw: number,
    isWholeRow: boolean,
  ): number | null {
    const sums = new Float64Array(logits.length);
    let sum = 0;
    let nSums = 0;
    // With topP 1 every token counts: their sum is 1, so that those behind the drawn one need not be known.
    const isEnough = (): boolean => (this.topP === 1 ? sum > draw : sum >= this.topP);
    for (; nSums < logits.length && !isEnough(); nSums++) {
      sum += Math.exp((logits[nSums] ?? Number.NEGATIVE_INFINITY) / this.temperature - logSumExp);
      sums[nSums] = sum;
    }
    if (!isEnough() && !isWholeRow) return null;
    // A whole row's sum may end below topP: the log-sum-exp is rounded.
    const bound = this.topP === 1 && isEnough() ? draw : draw * sum;
    return firstAbove(sums.subarray(0, nSums), bound);
  }
}

/** The place of the first of ascending sums that is above a bound; null if none is, or they are no numbers. */
function firstAbove(sums: Float64Array, bound: number): number | null {
  let [low, high] = [0, sums.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sums[middle] ?? 0) > bound) high = middle;
    else low = middle + 1;
  }
  return low < sums.length ? low : null;
}

function check(isValid: boolean, name: string, expected: string, got: number): void {
  if (isValid) return;
  throw new DllamaError("INVALID_ARGUMENT", `expected ${name} ${expected}, got ${got}`);
}
