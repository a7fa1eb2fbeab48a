/**
 * A model file in the making: written beside its target under a temporary name, and given its own
 * name only when it is whole and on the disk.
 */

import { randomBytes } from "node:crypto";
import { fsync, rmSync } from "node:fs";
import { lstat, open, rename, rm, stat, statfs } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { DllamaError } from "@dllama/core";
import { existsAlready, fileError } from "./file-error.ts";

interface Target {
  path: string;
  /** Size of the model. */
  nBytes: number;
  /** Whether a file that is there is replaced. */
  force: boolean;
  /** Paths of the files that the model is made from, which are never replaced. */
  inputs: readonly string[];
}

/** @throws {DllamaError} FILE_EXISTS, NO_SPACE, FILE_NOT_FOUND: before anything is written */
export async function checkTarget({ path: target, nBytes, force, inputs }: Target): Promise<void> {
  await refuseAllButFiles(target);
  await refuseInputs(target, inputs);
  const existing = await lstat(target).catch(() => undefined);
  if (existing !== undefined && !force) throw existsAlready(target);
  const folder = dirname(target);
  const { bavail, bsize } = await statfs(folder).catch((error: unknown) => {
    throw fileError(folder, error);
  });
  if (bavail * bsize < nBytes) {
    throw new DllamaError(
      "NO_SPACE",
      `${target} needs ${nBytes} bytes; ${bavail * bsize} are free in ${folder}`,
      { hint: "Free some space, or choose another disk with --output." },
    );
  }
}

/** What is no plain file, a device, a pipe, somebody's link, is never replaced by one, not even with force. */
async function refuseAllButFiles(target: string): Promise<void> {
  const existing = await lstat(target).catch(() => undefined);
  if (existing === undefined || existing.isFile()) return;
  const is = existing.isDirectory()
    ? "a folder"
    : existing.isSymbolicLink()
      ? "a symbolic link"
      : "a device, a pipe or a socket";
  throw new DllamaError("FILE_EXISTS", `${target} is ${is}; the path of a file was expected`, {
    hint: existing.isSymbolicLink()
      ? "Name the file that it leads to, or delete the link."
      : "Name another file with --output.",
  });
}

/** Found by what they are: a hard link or a path through another folder has another name. */
async function refuseInputs(target: string, inputs: readonly string[]): Promise<void> {
  const existing = await stat(target).catch(() => undefined);
  if (existing === undefined) return;
  for (const input of inputs) {
    const { dev, ino } = await stat(input).catch(() => ({ dev: -1, ino: -1 }));
    if (dev !== existing.dev || ino !== existing.ino) continue;
    const name = input === target ? "" : ` (as ${input})`;
    throw new DllamaError("FILE_EXISTS", `${target} is a file that the model is made from${name}`, {
      hint: "Name another file with --output.",
    });
  }
}

export class OutputFile {
  readonly #target: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  /** Bytes written so far. */
  position = 0;

  private constructor(target: string, temporary: string, file: FileHandle) {
    this.#target = target;
    this.#temporary = temporary;
    this.#file = file;
    process.once("exit", this.#removeNow);
  }

  /** Whoever ends the process in between leaves no half of a model behind. */
  readonly #removeNow = (): void => rmSync(this.#temporary, { force: true });

  static async create(target: string): Promise<OutputFile> {
    const temporary = `${target}.${process.pid}-${randomBytes(3).toString("hex")}.tmp`;
    try {
      return new OutputFile(target, temporary, await open(temporary, "wx"));
    } catch (error) {
      throw fileError(temporary, error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#file.write(bytes, done);
        done += bytesWritten;
      }
    } catch (error) {
      throw fileError(this.#target, error);
    }
    this.position += bytes.length;
  }

  /** Writes zeros up to byte `position`. */
  async padTo(position: number): Promise<void> {
    if (position > this.position) await this.write(Buffer.alloc(position - this.position));
  }

  /** Gives the file its name. Without `force`, never in the place of another. */
  async publish(force: boolean): Promise<void> {
    try {
      // By its number: the files of Yarn's Plug'n'Play have no `sync()`.
      await promisify(fsync)(this.#file.fd);
      await this.#file.close();
      // Something else may have taken the name meanwhile.
      await refuseAllButFiles(this.#target);
      if (force) await rename(this.#temporary, this.#target);
      else await renameWithoutReplacing(this.#temporary, this.#target);
      process.off("exit", this.#removeNow);
    } catch (error) {
      throw fileError(this.#target, error);
    }
  }

  /** Removes what was written. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    await rm(this.#temporary, { force: true });
    process.off("exit", this.#removeNow);
  }
}

/** An empty file of our own holds the name, if nobody else's does, until it is replaced. */
async function renameWithoutReplacing(from: string, to: string): Promise<void> {
  const placeholder = await open(to, "wx");
  await placeholder.close();
  try {
    await rename(from, to);
  } catch (error) {
    await rm(to, { force: true });
    throw error;
  }
}
