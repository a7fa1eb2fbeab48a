/**
 * Small JSON files in the cache folder, each about one subject, kept between sessions: found again for an
 * equal subject, and never believed when they are damaged.
 */

import { createHash, randomBytes } from "node:crypto";
import { open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { isRecord } from "../is-record.ts";
import { makeFolder } from "../make-folder.ts";

/** What is kept in one folder. */
export interface KeptKind<T> {
  /** The folder, and the property of the file. */
  folder: string;
  name: string;
  /** The value; undefined if it is none. */
  read: (value: unknown) => T | undefined;
}

/** More bytes are no file of ours: 64 workers with long names take a tenth. */
const MAX_FILE_BYTES = 64 * 1024;

export class KeptJson<T> {
  readonly path: string;
  readonly #folder: string;
  readonly #isKept: boolean;
  readonly #kind: KeptKind<T>;
  readonly #subject: object;

  /** Without a folder nothing is kept and nothing found. */
  constructor(cacheFolder: string | undefined, kind: KeptKind<T>, subject: object) {
    const name = createHash("sha256").update(JSON.stringify(subject)).digest("hex").slice(0, 32);
    this.#folder = join(cacheFolder ?? "", kind.folder);
    this.path = join(this.#folder, `${name}.json`);
    this.#isKept = cacheFolder !== undefined;
    this.#kind = kind;
    this.#subject = subject;
  }

  /** What was kept; undefined if there is nothing, or if the file is damaged or somebody else's. */
  async read(): Promise<T | undefined> {
    if (!this.#isKept) return undefined;
    try {
      const value: unknown = JSON.parse(await readSmallFile(this.path));
      if (!isRecord(value) || !isDeepStrictEqual(value["subject"], { ...this.#subject })) {
        return undefined;
      }
      return this.#kind.read(value[this.#kind.name]);
    } catch {
      // Whatever is wrong with it, a measurement is right.
      return undefined;
    }
  }

  /** Keeps a value. A cache that cannot be written costs the next session a measurement, no more. */
  async write(value: T): Promise<void> {
    if (!this.#isKept) return;
    const object = { subject: this.#subject, [this.#kind.name]: value };
    const text = `${JSON.stringify(object, undefined, 2)}\n`;
    // Renamed into place whole: two roots that start at once leave one file, not half of each.
    const draft = `${this.path}.${randomBytes(6).toString("hex")}`;
    try {
      await makeFolder(this.#folder);
      await writeFile(draft, text, { mode: 0o600, flag: "wx" });
      await rename(draft, this.path);
    } catch {
      await rm(draft, { force: true }).catch(() => {});
    }
  }
}

async function readSmallFile(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_FILE_BYTES + 1));
    if (bytesRead > MAX_FILE_BYTES)
      throw new RangeError(`${path}: more than ${MAX_FILE_BYTES} bytes`);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
