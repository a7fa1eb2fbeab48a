/**
 * Reads for yauzl that cannot leave the file. yauzl asks for whatever offset an archive names, and where
 * Node refuses it (2^53 and more) throws from a callback, which nobody can catch.
 */

import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";
import * as yauzl from "yauzl";
import { readFully } from "../regular-file.ts";

export class ArchiveReader extends yauzl.RandomAccessReader {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #nBytes: number;

  /** The caller closes `file`. */
  constructor(file: FileHandle, path: string, nBytes: number) {
    super();
    this.#file = file;
    this.#path = path;
    this.#nBytes = nBytes;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    if (position < 0 || position + length > this.#nBytes) {
      setImmediate(callback, new Error(`it names byte ${position} of ${this.#nBytes}`));
      return;
    }
    const target = buffer.subarray(offset, offset + length);
    void this.#fill(target, position, callback);
  }

  async #fill(
    target: Buffer,
    position: number,
    callback: (error: Error | null) => void,
  ): Promise<void> {
    let problem: Error | null = null;
    try {
      await readFully(this.#file, this.#path, target, position);
    } catch (error) {
      problem = error instanceof Error ? error : new Error(String(error));
    }
    // Outside of the try: what yauzl throws there is not a problem of reading.
    callback(problem);
  }

  /** Entries' data is not read through yauzl. */
  override _readStreamForRange(): Readable {
    throw new Error("an archive's entries are read from the file itself");
  }
}
