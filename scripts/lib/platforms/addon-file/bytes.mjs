/** Little-endian numbers and names of a file that may be cut off or lie about itself. */

export class MalformedFile extends Error {}

export class Bytes {
  /** @param {Buffer} buffer */
  constructor(buffer) {
    this.buffer = buffer;
  }

  u8(offset) {
    return this.#within(offset, 1).readUInt8(offset);
  }

  u16(offset) {
    return this.#within(offset, 2).readUInt16LE(offset);
  }

  u32(offset) {
    return this.#within(offset, 4).readUInt32LE(offset);
  }

  /** Of 64 bits, which no offset or size of a file uses up. */
  u64(offset) {
    return Number(this.#within(offset, 8).readBigUInt64LE(offset));
  }

  /** Up to the zero that ends it. */
  name(offset) {
    const end = this.#within(offset, 1).indexOf(0, offset);
    if (end === -1) throw new MalformedFile(`no end of the name at ${offset}`);
    return this.buffer.toString("latin1", offset, end);
  }

  slice(offset, nBytes) {
    return this.#within(offset, nBytes).subarray(offset, offset + nBytes);
  }

  #within(offset, nBytes) {
    const { length } = this.buffer;
    if (offset >= 0 && nBytes >= 0 && offset + nBytes <= length) return this.buffer;
    throw new MalformedFile(`expected ${nBytes} bytes at ${offset}, and the file has ${length}`);
  }
}
