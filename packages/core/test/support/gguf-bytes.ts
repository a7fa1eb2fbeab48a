/** Spells GGUF files byte by byte, so that they can also be wrong. */

export const u8 = (...values: number[]): Buffer => Buffer.from(values);

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export function str(text: string): Buffer {
  return Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)]);
}

/** A metadata entry; `type` and `value` as in the file. */
export const entry = (key: string, type: number, ...value: Buffer[]): Buffer =>
  Buffer.concat([str(key), u32(type), ...value]);

/** `dimensions` in the file's order: the row's length first. */
export const tensor = (
  name: string,
  dimensions: (number | bigint)[],
  type: number,
  offset: number | bigint,
): Buffer =>
  Buffer.concat([
    str(name),
    u32(dimensions.length),
    ...dimensions.map(u64),
    u32(type),
    u64(offset),
  ]);

export interface GgufParts {
  magic?: string;
  version?: Buffer;
  nTensors?: number | bigint;
  nEntries?: number | bigint;
  entries?: Buffer[];
  tensors?: Buffer[];
  /** Bytes of weights behind the padded header. */
  nData?: number;
  alignment?: number;
}

/** A whole file; what is not given is as it should be. */
export function ggufBytes(parts: GgufParts = {}): Buffer {
  const {
    magic = "GGUF",
    version = u32(3),
    entries = [],
    tensors = [],
    nData = 0,
    alignment = 32,
  } = parts;
  const header = Buffer.concat([
    Buffer.from(magic),
    version,
    u64(parts.nTensors ?? tensors.length),
    u64(parts.nEntries ?? entries.length),
    ...entries,
    ...tensors,
  ]);
  return Buffer.concat([header], Math.ceil(header.length / alignment) * alignment + nData);
}
