/** Seeded random numbers: xorshift32 (Marsaglia, 2003). Good enough to choose times and kinds of faults. */

/** @returns {() => number} uniform in [0, 1) */
export function seededRandom(seed) {
  // A few rounds spread seeds that differ in one bit; 0 would stay 0.
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  const next = () => {
    state = (state ^ (state << 13)) >>> 0;
    state = (state ^ (state >>> 17)) >>> 0;
    state = (state ^ (state << 5)) >>> 0;
    return state / 2 ** 32;
  };
  for (let n = 0; n < 8; n++) next();
  return next;
}

/** A whole number from `min` up to, and without, `end`. */
export function wholeBetween(random, min, end) {
  return min + Math.floor(random() * (end - min));
}

export function oneOf(random, list) {
  return list[wholeBetween(random, 0, list.length)];
}
