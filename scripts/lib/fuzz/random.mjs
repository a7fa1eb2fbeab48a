/** Numbers that a seed decides: mulberry32 (Tommy Ettinger, public domain). */

/**
 * @param {number} seed
 * @returns {(end: number) => number} a function that gives an integer from 0 up to `end`, which is not in it
 */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return (end) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
  };
}
