/**
 * Changes bytes as fuzzers do: bits, numbers at the edges of their types, parts that are cut out, doubled or
 * taken from another input.
 */

const MAX_BYTES = 64 * 1024;

/** Where lengths, counts and offsets go wrong. */
const NUMBERS = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0x7fffn,
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

const MUTATIONS = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  setNumber,
  setNumber,
  addToByte,
  removePart,
  doublePart,
  insertNoise,
  cutEnd,
  splice,
];

/**
 * @param {Buffer} bytes stay as they are
 * @param {readonly Buffer[]} others inputs to take parts from
 * @param {(end: number) => number} random
 * @returns {Buffer}
 */
export function mutate(bytes, others, random) {
  let changed = Buffer.from(bytes);
  for (let n = 1 + random(6); n > 0; n -= 1) {
    changed = MUTATIONS[random(MUTATIONS.length)](changed, others, random);
  }
  return changed.subarray(0, MAX_BYTES);
}

function flipBit(bytes, _, random) {
  if (bytes.length > 0) bytes[random(bytes.length)] ^= 1 << random(8);
  return bytes;
}

function setByte(bytes, _, random) {
  if (bytes.length > 0) bytes[random(bytes.length)] = random(256);
  return bytes;
}

function addToByte(bytes, _, random) {
  if (bytes.length > 0) bytes[random(bytes.length)] += random(2) === 0 ? 1 : 255;
  return bytes;
}

function setNumber(bytes, _, random) {
  const number = Buffer.alloc(8);
  number.writeBigUInt64LE(NUMBERS[random(NUMBERS.length)]);
  const size = [1, 2, 4, 8][random(4)];
  number.copy(bytes, random(bytes.length + 1), 0, size);
  return bytes;
}

function removePart(bytes, _, random) {
  const { start, end } = part(bytes, random);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
}

function doublePart(bytes, _, random) {
  const { start, end } = part(bytes, random);
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
}

function insertNoise(bytes, _, random) {
  const noise = Buffer.from(Array.from({ length: 1 + random(16) }, () => random(256)));
  const at = random(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
}

function cutEnd(bytes, _, random) {
  // Most cuts of a long input would leave little of it to the other mutations.
  return random(4) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes;
}

function splice(bytes, others, random) {
  const other = others[random(others.length)];
  if (other === undefined) return bytes;
  const { start, end } = part(other, random);
  const at = random(bytes.length + 1);
  const behind = random(2) === 0 ? at : Math.min(at + end - start, bytes.length);
  return Buffer.concat([bytes.subarray(0, at), other.subarray(start, end), bytes.subarray(behind)]);
}

/** A part of up to 64 bytes, sometimes of any length. */
function part(bytes, random) {
  const start = random(bytes.length + 1);
  const most = random(8) === 0 ? bytes.length : 64;
  return { start, end: Math.min(start + random(most + 1), bytes.length) };
}
