/**
 * Opens a model file and reads its header. Everything a GGUF file says about itself is checked here,
 * so that what comes out can be trusted: see `GgufFile`. Source: ggml's `docs/gguf.md`.
 */
import { open, stat } from "node:fs/promises";
import { DllamaError } from "../errors.ts";
import { systemError } from "../system-error.ts";
import {
  ALIGNMENT_KEY,
  DEFAULT_ALIGNMENT,
  isAlignment,
  MAGIC,
  MAX_ALIGNMENT,
  MIN_ALIGNMENT,
} from "./gguf-file.ts";
import type { GgufFile } from "./gguf-file.ts";
import { HEAD_BYTES } from "./foreign-formats.ts";
import { HeaderReader } from "./header-reader.ts";
import { describeDevice, describeFolder, describeForeignFile } from "./not-a-model.ts";
import { readMetadata } from "./read-metadata.ts";
import { readTensors } from "./read-tensors.ts";
import { refuseSplit } from "./split-model.ts";
import { describeValue } from "./value.ts";
import type { GgufValue } from "./value.ts";

/** Files in use have below 100 entries and, with many experts, some 20,000 tensors. */
const MAX_METADATA_ENTRIES = 65_536;
const MAX_TENSORS = 65_536;

/**
 * Reads the header of a GGUF file of version 2 or 3, little-endian. The weights are not read.
 *
 * @throws DllamaError FILE_NOT_FOUND or FILE_UNREADABLE; NOT_A_MODEL for anything but a GGUF file;
 * MODEL_UNSUPPORTED for other versions, byte order and tensor types; MODEL_MALFORMED for a file that
 * breaks the format's rules, with the place in the file.
 */
export async function readGguf(path: string): Promise<GgufFile> {
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) throw await describeFolder(path);
    // Opening a pipe or a device could wait for ever.
    if (!stats.isFile()) {
      throw describeDevice(path);
    }
    const file = await open(path, "r");
    try {
      return await readHeader(new HeaderReader(path, file, stats.size));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof DllamaError ? error : systemError(path, "a GGUF file", error);
  }
}

async function readHeader(reader: HeaderReader): Promise<GgufFile> {
  const { path, nBytes } = reader;
  if (nBytes < MAGIC.length) throw describeForeignFile(path, nBytes, Buffer.alloc(0));
  const magic = await reader.bytes(MAGIC.length);
  if (!magic.equals(MAGIC)) {
    const rest = await reader.bytes(Math.min(HEAD_BYTES, nBytes) - MAGIC.length);
    throw describeForeignFile(path, nBytes, Buffer.concat([magic, rest]));
  }
  const version = await readVersion(reader);
  const nTensors = await readCount(reader, "tensors", MAX_TENSORS);
  const nEntries = await readCount(reader, "metadata entries", MAX_METADATA_ENTRIES);
  const metadata = await readMetadata(reader, nEntries);
  refuseSplit(path, metadata);
  const alignment = alignmentOf(reader, metadata.get(ALIGNMENT_KEY));
  const tensors = await readTensors(reader, nTensors, alignment);
  return { path, version, alignment, nBytes, metadata, tensors };
}

async function readVersion(reader: HeaderReader): Promise<number> {
  const bytes = await reader.bytes(4);
  const version = bytes.readUInt32LE();
  if (version === 2 || version === 3) return version;
  const swapped = bytes.readUInt32BE();
  const got =
    swapped >= 1 && swapped <= 3 ? `a big-endian file of version ${swapped}` : `version ${version}`;
  throw new DllamaError(
    "MODEL_UNSUPPORTED",
    `${reader.path}: expected a little-endian GGUF file of version 2 or 3, got ${got}`,
    {
      hint: "Use a file made by a current llama.cpp or by `dllama convert`.",
    },
  );
}

async function readCount(reader: HeaderReader, what: string, max: number): Promise<number> {
  const count = await reader.size(`a number of ${what}`);
  if (count > max) throw reader.malformed(`expected at most ${max} ${what}, got ${count}`);
  return count;
}

function alignmentOf(reader: HeaderReader, value: GgufValue | undefined): number {
  if (value === undefined) return DEFAULT_ALIGNMENT;
  if (value.type === "uint32" && isAlignment(value.value)) return value.value;
  reader.part = `metadata entry "${ALIGNMENT_KEY}"`;
  throw reader.malformed(
    `expected a uint32 power of two from ${MIN_ALIGNMENT} to ${MAX_ALIGNMENT}, got ${describeValue(value)}`,
  );
}
