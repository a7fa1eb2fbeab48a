/**
 * SplitMix64: 64 bits of state, 64 bits a step, and every seed is a good one.
 * Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), with the
 * constants of Sebastiano Vigna's public-domain `splitmix64.c`. Sampling takes one number a token, so that
 * the cost of BigInt, about a microsecond, does not count.
 */
export class SplitMix {
  #state: bigint;

  /** `seed`: an integer from 0 to 2^53 - 1. */
  constructor(seed: number) {
    this.#state = BigInt(seed);
  }

  /** The next 64 bits. */
  next(): bigint {
    this.#state = BigInt.asUintN(64, this.#state + 0x9e3779b97f4a7c15n);
    let z = this.#state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  }

  /** Uniform in [0, 1), with all the 53 bits that a number holds. */
  nextFloat(): number {
    return Number(this.next() >> 11n) * 2 ** -53;
  }
}
