/** The bytes of a pickle, read in order; the end is an error, never `undefined`. */

import { DllamaError } from "@dllama/core";

/** Far more than the name of any tensor, and little enough to stand in an error. */
const MAX_TEXT_BYTES = 1024;

export class PickleBytes {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** What the errors call this pickle. */
  readonly label: string;
  position = 0;

  constructor(bytes: Uint8Array, label: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.label = label;
  }

  malformed(says: string): DllamaError {
    return new DllamaError(
      "CHECKPOINT_MALFORMED",
      `${this.label}: ${says} (before byte ${this.position})`,
      { hint: "Fetch the checkpoint again from its publisher." },
    );
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  skip(nBytes: number): void {
    this.#advance(nBytes);
  }

  /** A little-endian two's complement integer of any length that fits a JavaScript number. */
  integer(nBytes: number): number {
    if (nBytes > 8) throw this.malformed(`an integer of ${nBytes} bytes; at most 8 were expected`);
    const start = this.#advance(nBytes);
    let value = 0n;
    for (let n = 0; n < nBytes; n += 1) {
      value |= BigInt(this.#view.getUint8(start + n)) << BigInt(8 * n);
    }
    const signed = Number(BigInt.asIntN(8 * nBytes, value));
    if (!Number.isSafeInteger(signed)) throw this.malformed(`the integer ${signed} is absurd`);
    return signed;
  }

  text(nBytes: number): string {
    if (nBytes > MAX_TEXT_BYTES) {
      throw this.malformed(`a text of ${nBytes} bytes; at most ${MAX_TEXT_BYTES} were expected`);
    }
    const start = this.#advance(nBytes);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(
        this.#bytes.subarray(start, start + nBytes),
      );
    } catch {
      throw this.malformed("a text that is not UTF-8");
    }
  }

  /** A text up to a newline, as the names of globals are stored. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.position);
    if (end < 0) throw this.malformed("a name without an end");
    const text = this.text(end - this.position);
    this.position += 1;
    return text;
  }

  #advance(nBytes: number): number {
    const start = this.position;
    if (nBytes > this.#bytes.length - start) throw this.malformed("the pickle is cut short");
    this.position += nBytes;
    return start;
  }
}
