/** Bytes that a worker's port may get from anybody: noise, other protocols, and real traffic that is changed. */

import { mutate } from "../fuzz/mutate.mjs";

const FOREIGN = [
  "GET / HTTP/1.1\r\nHost: worker\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "SSH-2.0-OpenSSH_9.2\r\n",
  "\x00\x00\x00\x2f\xff\x53\x4d\x42\x72",
  "HELP\r\n",
  "",
].map((text) => Buffer.from(text, "latin1"));

/** A hello and a little more: what is read before anybody is believed. */
const STRANGER_BYTES = 256;

/**
 * What comes before the handshake is through.
 *
 * @param {import("./recording.mjs").Recording} recording
 * @param {(end: number) => number} random
 * @returns {Buffer}
 */
export function strangerInput({ toWorker, toRoot }, random) {
  const beginning = toWorker.subarray(0, STRANGER_BYTES);
  switch (random(8)) {
    case 0:
      return noise(random(400), random);
    case 1:
      return mutate(FOREIGN[random(FOREIGN.length)], FOREIGN, random);
    case 2:
      // Cut anywhere.
      return beginning.subarray(0, random(beginning.length));
    case 3:
      // What a worker says, said to a worker.
      return mutate(toRoot.subarray(0, STRANGER_BYTES), [beginning], random);
    case 4:
      return Buffer.concat([beginning.subarray(0, random(60)), noise(random(200), random)]);
    default:
      return mutate(beginning, [toRoot.subarray(0, STRANGER_BYTES)], random);
  }
}

/**
 * A whole session whose handshake is right, and of which something behind it is not.
 *
 * @param {import("./recording.mjs").Recording} recording
 * @param {number} start where its frames begin
 * @param {(end: number) => number} random
 * @returns {Buffer}
 */
export function sessionInput({ toWorker, toRoot }, start, random) {
  const handshake = toWorker.subarray(0, start);
  const frames = toWorker.subarray(start);
  switch (random(6)) {
    case 0:
      return Buffer.concat([handshake, frames.subarray(0, random(frames.length))]);
    case 1:
      return Buffer.concat([handshake, noise(random(300), random)]);
    case 2:
      return Buffer.concat([handshake, mutate(frames, [toRoot, frames], random)]);
    default:
      return Buffer.concat([handshake, changeAFrame(frames, random)]);
  }
}

const HEADER_BYTES = 16;

/** Changes one frame's header or payload, and leaves the others as they are: such errors lie deepest. */
function changeAFrame(frames, random) {
  const starts = [];
  for (let at = 0; at + HEADER_BYTES <= frames.length;) {
    starts.push(at);
    at += HEADER_BYTES + Number(frames.readBigUInt64LE(at + 8));
  }
  const at = starts[random(starts.length)];
  const behind = at + HEADER_BYTES;
  const end = behind + Number(frames.readBigUInt64LE(at + 8));
  const [before, rest] = [frames.subarray(0, at), frames.subarray(end)];
  const [header, payload] = [frames.subarray(at, behind), frames.subarray(behind, end)];
  const all = [frames];
  if (random(4) === 0) {
    return Buffer.concat([before, mutate(header, all, random), payload, rest]);
  }
  const changed = mutate(payload, all, random);
  const sized = Buffer.from(header);
  // Mostly of the length that it says, so that what is in it is read.
  if (random(8) > 0) sized.writeBigUInt64LE(BigInt(changed.length), 8);
  return Buffer.concat([before, sized, changed, rest]);
}

function noise(nBytes, random) {
  return Buffer.from(Array.from({ length: nBytes }, () => random(256)));
}
