/** What the ranks say that they sent, against what the kernel counted at the root's device. */

import { SEGMENT_HEADER_BYTES } from "./network.mjs";

/**
 * Bytes a token by both. Two runs that differ in their tokens alone are compared, so that connecting
 * and loading cancel out.
 *
 * @param {{ network: import("./network.mjs").Network, root: (...args: string[]) => Promise<string> }} cluster
 * @param {number} nTokens by which the runs differ
 * @param {(nTokens: number) => Promise<{ sentBytes: number, receivedBytes: number }>} run a run of so many
 *   tokens and a few more, with the bytes that the root reported of it
 */
export async function bytesAToken({ network }, nTokens, run) {
  const counted = async (n) => {
    const before = network.counters(0);
    const reported = await run(n);
    const after = network.counters(0);
    const payload = (bytes, packets) =>
      after[bytes] - before[bytes] - SEGMENT_HEADER_BYTES * (after[packets] - before[packets]);
    return {
      ...reported,
      countedSent: payload("sentBytes", "sentPackets"),
      countedReceived: payload("receivedBytes", "receivedPackets"),
    };
  };
  const [few, many] = [await counted(0), await counted(nTokens)];
  return Object.fromEntries(
    Object.entries(many).map(([name, bytes]) => [name, (bytes - few[name]) / nTokens]),
  );
}
