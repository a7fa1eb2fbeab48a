/**
 * A file that torch.save wrote: a zip archive of stored entries, `ROOT/data.pkl` with the state
 * dictionary and `ROOT/data/KEY` with the values of each storage. Layout: torch's
 * caffe2/serialize/inline_container.h.
 */

import type { FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { DllamaError, foreignFormat, HEAD_BYTES } from "@dllama/core";
import * as yauzl from "yauzl";
import { fileError } from "../file-error.ts";
import { SOURCE_VALUE_BYTES } from "../float-types.ts";
import type { SourceFloatType } from "../float-types.ts";
import { openRegular, readFully } from "../regular-file.ts";
import { ArchiveReader } from "./archive-reader.ts";
import { readStateDictionary } from "./pickle.ts";

/** Fifty times the entries of Llama's largest checkpoint. */
const MAX_ENTRIES = 65_536;
const MAX_NAME_BYTES = 1024;
/** Fifty times the dictionary of Llama's largest checkpoint. */
const MAX_DICTIONARY_BYTES = 4 * 2 ** 20;

/** Where a tensor's values lie: row-major, little-endian, without gaps. */
export interface TorchTensor {
  readonly name: string;
  readonly type: SourceFloatType;
  readonly shape: readonly number[];
  /** In bytes from the start of the file. */
  readonly fileOffset: number;
}

export interface TorchFile {
  readonly path: string;
  readonly file: FileHandle;
  /** The archive's own name for itself: that of the file which torch.save was to write, without its end. */
  readonly root: string;
  readonly tensors: ReadonlyMap<string, TorchTensor>;
}

/** The caller closes `file`. */
export async function openTorchFile(path: string): Promise<TorchFile> {
  let file: FileHandle | undefined;
  try {
    file = await openRegular(path);
    return { path, file, ...(await readArchive(path, file)) };
  } catch (error) {
    await file?.close();
    throw fileError(path, error);
  }
}

async function readArchive(
  path: string,
  file: FileHandle,
): Promise<Pick<TorchFile, "root" | "tensors">> {
  await checkSignature(path, file);
  const entries = await readEntries(path, file);
  const dictionaries = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [dictionaryName] = dictionaries;
  if (dictionaryName === undefined || dictionaries.length > 1) {
    throw malformed(path, `${dictionaries.length} entries are called data.pkl; one was expected`);
  }
  const root = dictionaryName.slice(0, -"data.pkl".length);
  await checkByteOrder(path, file, entries.get(`${root}byteorder`));

  const dictionary = await readEntry(path, file, entries.get(dictionaryName));
  const label = `${basename(path)}, ${dictionaryName}`;
  const tensors = new Map<string, TorchTensor>();
  for (const [name, { storage, offset, shape }] of readStateDictionary(dictionary, label)) {
    const entryName = `${root}data/${storage.key}`;
    const entry = entries.get(entryName);
    if (entry === undefined) throw malformed(path, `${entryName}, which ${name} needs, is missing`);
    const valueBytes = SOURCE_VALUE_BYTES[storage.type];
    if (entry.nBytes !== storage.nValues * valueBytes) {
      throw malformed(
        path,
        `${entryName} has ${entry.nBytes} bytes; ${name} needs ${storage.nValues} values of ` +
          `${valueBytes} bytes`,
      );
    }
    const fileOffset = entry.start + offset * valueBytes;
    tensors.set(name, { name, type: storage.type, shape, fileOffset });
  }
  return { root: root.slice(0, -1), tensors };
}

/** Tells the formats that are often met in a zip's place from plain damage. */
async function checkSignature(path: string, file: FileHandle): Promise<void> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
  const signature = buffer.toString("hex", 0, Math.min(bytesRead, 4));
  if (signature === "504b0304") return;
  if (signature === "80028a0a") {
    throw new DllamaError(
      "CHECKPOINT_UNSUPPORTED",
      `${path} is in the format that PyTorch wrote before version 1.6, which is not a zip archive`,
      { hint: "Load it in PyTorch and save it again with torch.save." },
    );
  }
  const format = foreignFormat(buffer.subarray(0, bytesRead));
  if (format !== undefined) {
    const message = `${path}: expected a part of a checkpoint, got ${format.name}`;
    throw new DllamaError("CHECKPOINT_MALFORMED", message, { hint: format.hint });
  }
  throw malformed(path, `it begins with ${signature || "nothing"}; a zip archive was expected`);
}

interface ArchiveEntry {
  /** In bytes from the start of the file. */
  readonly start: number;
  readonly nBytes: number;
}

async function readEntries(path: string, file: FileHandle): Promise<Map<string, ArchiveEntry>> {
  try {
    const fileBytes = (await file.stat()).size;
    const reader = new ArchiveReader(file, path, fileBytes);
    const zip = await yauzl.fromRandomAccessReaderPromise(reader, fileBytes, { autoClose: false });
    try {
      return await collectEntries(path, zip, fileBytes);
    } finally {
      zip.close();
    }
  } catch (error) {
    // yauzl's own errors carry no code; the operating system's and ours do.
    if (!(error instanceof Error) || "code" in error) throw error;
    throw malformed(path, `it is no whole zip archive: ${error.message}`);
  }
}

async function collectEntries(
  path: string,
  zip: yauzl.ZipFile,
  fileBytes: number,
): Promise<Map<string, ArchiveEntry>> {
  if (zip.entryCount > MAX_ENTRIES) {
    throw malformed(path, `${zip.entryCount} entries; at most ${MAX_ENTRIES} were expected`);
  }
  const entries = new Map<string, ArchiveEntry>();
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileName;
    if (entry.fileNameLength > MAX_NAME_BYTES) {
      throw malformed(path, `an entry's name of ${entry.fileNameLength} bytes`);
    }
    if (entry.compressionMethod !== 0 || entry.isEncrypted()) {
      throw malformed(path, `${name} is compressed or encrypted; torch.save stores it plainly`);
    }
    if (entries.has(name)) throw malformed(path, `two entries are called ${name}`);
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    if (fileDataStart + entry.uncompressedSize > fileBytes) {
      throw malformed(path, `${name} goes on beyond the end of the file`);
    }
    entries.set(name, { start: fileDataStart, nBytes: entry.uncompressedSize });
  }
  return entries;
}

async function checkByteOrder(
  path: string,
  file: FileHandle,
  entry: ArchiveEntry | undefined,
): Promise<void> {
  if (entry === undefined) return; // PyTorch before 2.1 wrote none, on little-endian machines
  const order = (await readEntry(path, file, entry)).toString();
  if (order === "little") return;
  throw new DllamaError(
    "CHECKPOINT_UNSUPPORTED",
    `${path} has the byte order ${JSON.stringify(order.slice(0, 16))}; little was expected`,
    { hint: "Save it again in PyTorch on a little-endian machine." },
  );
}

async function readEntry(
  path: string,
  file: FileHandle,
  entry: ArchiveEntry | undefined,
): Promise<Buffer> {
  const nBytes = entry?.nBytes ?? 0;
  if (nBytes > MAX_DICTIONARY_BYTES) {
    throw malformed(
      path,
      `a dictionary of ${nBytes} bytes; at most ${MAX_DICTIONARY_BYTES} were expected`,
    );
  }
  const bytes = Buffer.alloc(nBytes);
  await readFully(file, path, bytes, entry?.start ?? 0);
  return bytes;
}

function malformed(path: string, says: string): DllamaError {
  return new DllamaError("CHECKPOINT_MALFORMED", `${path}: ${says}`, {
    hint: "Fetch this file again: its download was perhaps cut short.",
  });
}
