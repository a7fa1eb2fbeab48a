/** Writes zip archives of stored entries, also larger than memory. PKWARE's APPNOTE, 4.3. */

import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

export interface ZipEntry {
  name: string;
  /** Written over and over until `nBytes` are. */
  data: Uint8Array;
  /** Defaults to the size of `data`. */
  nBytes?: number;
}

const NEEDS_ZIP64 = 0xffff_ffff;

/** `zip64` writes 64-bit sizes and offsets even where 32 bits would do. */
export async function writeZip(
  path: string,
  entries: readonly ZipEntry[],
  zip64 = false,
): Promise<void> {
  const file = await open(path, "w");
  try {
    const directory: Buffer[] = [];
    let position = 0;
    for (const { name, data, nBytes = data.length } of entries) {
      const large = zip64 || nBytes >= NEEDS_ZIP64 || position >= NEEDS_ZIP64;
      const sizes = large
        ? bytes(["u16", 1], ["u16", 16], ["u64", nBytes], ["u64", nBytes])
        : Buffer.alloc(0);
      await file.write(fileHeader(0x04034b50, name, large ? NEEDS_ZIP64 : nBytes, sizes));
      directory.push(centralHeader(name, nBytes, position, large));
      position += 30 + Buffer.byteLength(name) + sizes.length + nBytes;
      await writeRepeated(file, data, nBytes);
    }
    const central = Buffer.concat(directory);
    await file.write(central);
    await file.write(endOfDirectory(entries.length, central.length, position));
  } finally {
    await file.close();
  }
}

async function writeRepeated(file: FileHandle, data: Uint8Array, nBytes: number): Promise<void> {
  for (let done = 0; done < nBytes;) {
    const { bytesWritten } = await file.write(data, 0, Math.min(data.length, nBytes - done));
    done += bytesWritten;
  }
}

function fileHeader(signature: number, name: string, size32: number, extra: Buffer): Buffer {
  const nameBytes = Buffer.from(name);
  const head = bytes(
    ["u32", signature],
    ...Array.from({ length: 5 }, () => ["u16", 0] as const), // version, flags, method, time, date
    ["u32", 0], // CRC: readers that map the values do not look at it
    ["u32", size32],
    ["u32", size32],
    ["u16", nameBytes.length],
    ["u16", extra.length],
  );
  return Buffer.concat([head, nameBytes, extra]);
}

function centralHeader(name: string, nBytes: number, position: number, large: boolean): Buffer {
  const nameBytes = Buffer.from(name);
  const extra = large
    ? bytes(["u16", 1], ["u16", 24], ["u64", nBytes], ["u64", nBytes], ["u64", position])
    : Buffer.alloc(0);
  const head = bytes(
    ["u32", 0x02014b50],
    ...Array.from({ length: 6 }, () => ["u16", 0] as const), // two versions, flags, method, time, date
    ["u32", 0],
    ["u32", large ? NEEDS_ZIP64 : nBytes],
    ["u32", large ? NEEDS_ZIP64 : nBytes],
    ["u16", nameBytes.length],
    ["u16", extra.length],
    ...Array.from({ length: 3 }, () => ["u16", 0] as const), // comment, disk, attributes
    ["u32", 0],
    ["u32", large ? NEEDS_ZIP64 : position],
  );
  return Buffer.concat([head, nameBytes, extra]);
}

/** With the records of zip64 always, as torch writes them: readers take what they need. */
function endOfDirectory(nEntries: number, size: number, position: number): Buffer {
  return bytes(
    ["u32", 0x06064b50],
    ["u64", 44],
    ["u16", 45],
    ["u16", 45],
    ["u32", 0],
    ["u32", 0],
    ["u64", nEntries],
    ["u64", nEntries],
    ["u64", size],
    ["u64", position],
    ["u32", 0x07064b50],
    ["u32", 0],
    ["u64", position + size],
    ["u32", 1],
    ["u32", 0x06054b50],
    ["u16", 0],
    ["u16", 0],
    ["u16", 0xffff],
    ["u16", 0xffff],
    ["u32", NEEDS_ZIP64],
    ["u32", NEEDS_ZIP64],
    ["u16", 0],
  );
}

type Field = readonly ["u16" | "u32" | "u64", number];

function bytes(...fields: Field[]): Buffer {
  return Buffer.concat(
    fields.map(([size, value]) => {
      const field = Buffer.alloc(size === "u16" ? 2 : size === "u32" ? 4 : 8);
      if (size === "u16") field.writeUInt16LE(value);
      else if (size === "u32") field.writeUInt32LE(value);
      else field.writeBigUInt64LE(BigInt(value));
      return field;
    }),
  );
}
