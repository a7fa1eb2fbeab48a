/**
 * Reads a GGUF header front to back through a buffer that is filled in chunks, so that a model of any
 * size costs only its header's bytes. Every length is compared with what the file still has, and with
 * the largest header we accept, before any memory is taken for it.
 */
import type { FileHandle } from "node:fs/promises";
import { DllamaError } from "../errors.ts";
import { TimeSlice } from "../time-slice.ts";
import { pieceHint } from "./not-a-model.ts";

/** The largest in use, with 262,144 pieces and their merges, take about 16 MiB. */
const MAX_HEADER_BYTES = 64 * 1024 * 1024;

const CHUNK_BYTES = 1024 * 1024;

/** Strings, or entries of another kind, between two looks at the clock. */
const STRINGS_A_LOOK = 512;

const DAMAGED = "The file is damaged or incomplete: download it or convert it again.";

export class HeaderReader {
  readonly path: string;
  /** Size of the whole file in bytes. */
  readonly nBytes: number;
  /** What is being read, for errors: "metadata entry 3". */
  part = "the header";
  /** For loops over what the header has many of. */
  readonly slice = new TimeSlice();
  readonly #file: FileHandle;
  #buffer = Buffer.alloc(0);
  /** Where in the file the buffer begins. */
  #bufferStart = 0;
  #at = 0;

  constructor(path: string, file: FileHandle, nBytes: number) {
    this.path = path;
    this.#file = file;
    this.nBytes = nBytes;
  }

  /** Of the next byte, from the beginning of the file. */
  get position(): number {
    return this.#bufferStart + this.#at;
  }

  /** An error about what has just been read, for the caller to throw. */
  malformed(message: string): DllamaError {
    const text = `${this.path}: malformed GGUF near byte ${this.position}, in ${this.part}: ${message}`;
    return new DllamaError("MODEL_MALFORMED", text, { hint: pieceHint(this.path) ?? DAMAGED });
  }

  async bytes(n: number): Promise<Buffer> {
    if (this.#buffer.length - this.#at < n) await this.#fill(n);
    const bytes = this.#buffer.subarray(this.#at, this.#at + n);
    this.#at += n;
    return bytes;
  }

  async uint32(): Promise<number> {
    return (await this.bytes(4)).readUInt32LE();
  }

  /** A 64-bit count, length or offset. Beyond 2^53 it cannot be meant: no file is so large. */
  async size(what: string): Promise<number> {
    const value = (await this.bytes(8)).readBigUInt64LE();
    if (value > Number.MAX_SAFE_INTEGER) {
      throw this.malformed(`expected ${what} below 2^53, got ${value}`);
    }
    return Number(value);
  }

  async string(what: string, maxBytes: number): Promise<string> {
    const n = await this.size(`${what}'s length`);
    if (n > maxBytes) {
      throw this.malformed(`expected ${what} of at most ${maxBytes} bytes, got ${n}`);
    }
    return (await this.bytes(n)).toString("utf8");
  }

  /** The next `n` bytes as memory of their own, for a typed array to stand on. */
  async copy(n: number): Promise<ArrayBuffer> {
    return new Uint8Array(await this.bytes(n)).buffer;
  }

  /** `n` strings. Seldom waits: a promise for each of 300,000 strings takes longer than reading them. */
  async strings(n: number): Promise<string[]> {
    this.#expect(n * 8);
    const strings: string[] = [];
    for (let i = 0; i < n; i++) {
      // oxlint-disable-next-line no-await-in-loop -- lets the event loop go round
      if (i % STRINGS_A_LOOK === 0 && this.slice.isOver) await this.slice.next();
      if (this.#buffer.length - this.#at < 8) await this.#fill(8);
      const length =
        this.#buffer.readUInt32LE(this.#at) + this.#buffer.readUInt32LE(this.#at + 4) * 2 ** 32;
      this.#at += 8;
      if (this.#buffer.length - this.#at < length) await this.#fill(length);
      strings.push(this.#buffer.toString("utf8", this.#at, this.#at + length));
      this.#at += length;
    }
    return strings;
  }

  /** Refuses `n` more bytes if they cannot be there. */
  #expect(n: number): void {
    const left = this.nBytes - this.position;
    if (n > left) {
      throw this.malformed(`expected ${n} more bytes, got the end of the file after ${left}`);
    }
    if (this.position + n > MAX_HEADER_BYTES) {
      throw this.malformed(
        `expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${this.position + n} or more`,
      );
    }
  }

  async #fill(n: number): Promise<void> {
    this.#expect(n);
    const rest = this.#buffer.subarray(this.#at);
    const wanted = Math.min(Math.max(n, CHUNK_BYTES), this.nBytes - this.position);
    const buffer = Buffer.allocUnsafe(wanted);
    let filled = rest.copy(buffer);
    while (filled < n) {
      const at = this.position + filled;
      const { bytesRead } = await this.#file.read(buffer, filled, wanted - filled, at);
      if (bytesRead === 0) {
        throw this.malformed(
          `expected ${n} more bytes, but the file was cut to ${at} while it was read`,
        );
      }
      filled += bytesRead;
    }
    this.#bufferStart = this.position;
    this.#at = 0;
    this.#buffer = buffer.subarray(0, filled);
  }
}
