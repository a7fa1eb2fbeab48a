/**
 * A model of a given shape whose weights are all zero, in a sparse file: it takes no room on the disk,
 * is written in no time, and is computed with as fast as any other, because no kernel looks at values.
 */

import { open, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { DllamaError } from "@dllama/core";
import type { Vocabulary } from "@dllama/core";
import { fileError } from "../file-error.ts";
import type { FloatType } from "../float-types.ts";
import { layOutModel } from "../layout.ts";
import type { ModelLayout } from "../layout.ts";
import { shapeParams } from "./shapes.ts";
import type { ShapeName } from "./shapes.ts";
import { syntheticVocabulary } from "./vocabulary.ts";

export interface SyntheticOptions {
  shape: ShapeName;
  /** Of the matrices; norms are F32. Defaults to `q40`. */
  type?: FloatType | undefined;
  /** Positions that the file promises at least. Defaults to the shape's own. */
  contextLength?: number | undefined;
  /** Of the shape's size. Defaults to one of bytes and made-up pieces. */
  vocabulary?: Vocabulary | undefined;
  /** Whether somebody will compute with it, and not look at its header alone. Defaults to `true`. */
  isComputedWith?: boolean | undefined;
}

/** Linux's TMPFS_MAGIC: files there are memory, and reading a hole takes as much as writing it. */
const TMPFS = 0x01021994;

/** What the file of such a model holds. */
export function planSyntheticModel(options: SyntheticOptions): ModelLayout {
  const { shape, type = "q40", contextLength } = options;
  const params = shapeParams(shape, contextLength);
  const vocabulary = options.vocabulary ?? syntheticVocabulary(params.vocabSize);
  const { contextLength: promised } = params;
  return layOutModel({ params, vocabulary, name: shape, type, contextLength: promised });
}

/**
 * Writes a model of zeros. Whoever asks for it removes it.
 *
 * @throws {DllamaError} FILE_EXISTS, NO_SPACE, FILE_NOT_FOUND, FILE_UNREADABLE
 */
export async function writeSparseModel(path: string, options: SyntheticOptions): Promise<void> {
  const { header, nBytes } = planSyntheticModel(options);
  if (options.isComputedWith ?? true) await requireRoom(dirname(path), nBytes);
  try {
    const file = await open(path, "wx");
    try {
      await file.writeFile(header);
      await file.truncate(nBytes);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(path, error);
  }
}

/** A hole that cannot be filled ends the process that reads it, so it must not come to that. */
async function requireRoom(folder: string, nBytes: number): Promise<void> {
  const { type, bavail, bsize } = await statfs(folder).catch((error: unknown) => {
    throw fileError(folder, error);
  });
  if (type !== TMPFS || bavail * bsize >= nBytes) return;
  throw new DllamaError(
    "NO_SPACE",
    `${folder} is in memory and has room for ${bavail * bsize} bytes; the model takes ${nBytes}`,
    { hint: "Set TMPDIR to a folder on a disk, or choose a smaller --shape." },
  );
}
