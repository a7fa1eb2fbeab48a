/**
 * The links that ranks are tried over. The delay is one way, and stands for the switch and for both
 * ends' hardware; jitter comes on top of it, evenly from 0.
 *
 * @typedef {object} ShapedLink
 * @property {number} mbit
 * @property {number} delayMs
 * @property {number} jitterMs
 * @property {number} lossShare
 * @property {string} plan what `dllama plan --link` is to be told
 */

/** @type {Record<string, ShapedLink>} */
export const LINKS = {
  "1gbit": { mbit: 1000, delayMs: 0.2, jitterMs: 0, lossShare: 0, plan: "1gbit,0.2ms" },
  "100mbit": { mbit: 100, delayMs: 1, jitterMs: 0, lossShare: 0, plan: "100mbit,1ms" },
  // The mean of the jitter is part of what a message takes.
  wifi: { mbit: 100, delayMs: 5, jitterMs: 2, lossShare: 0.01, plan: "100mbit,6ms,shared" },
};
