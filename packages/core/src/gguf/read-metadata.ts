/** The key-value part of a GGUF header. */
import type { HeaderReader } from "./header-reader.ts";
import { VALUE_TYPES } from "./value.ts";
import type { GgufArray, GgufScalar, GgufScalarType, GgufValue } from "./value.ts";
import { quoted } from "./quoted.ts";

/** The format's own limit. Source: ggml's `docs/gguf.md`. */
const MAX_KEY_BYTES = 65_535;

/** No length of its own: a string is bounded by the file and by the largest header. */
const MAX_STRING_BYTES = Number.MAX_SAFE_INTEGER;

const SCALARS: Record<GgufScalarType, (reader: HeaderReader) => Promise<GgufScalar>> = {
  uint8: async (r) => ({ type: "uint8", value: (await r.bytes(1)).readUInt8() }),
  int8: async (r) => ({ type: "int8", value: (await r.bytes(1)).readInt8() }),
  uint16: async (r) => ({ type: "uint16", value: (await r.bytes(2)).readUInt16LE() }),
  int16: async (r) => ({ type: "int16", value: (await r.bytes(2)).readInt16LE() }),
  uint32: async (r) => ({ type: "uint32", value: (await r.bytes(4)).readUInt32LE() }),
  int32: async (r) => ({ type: "int32", value: (await r.bytes(4)).readInt32LE() }),
  float32: async (r) => ({ type: "float32", value: (await r.bytes(4)).readFloatLE() }),
  bool: async (r) => ({ type: "bool", value: (await readBooleans(r, 1))[0] === 1 }),
  string: async (r) => ({ type: "string", value: await r.string("a string", MAX_STRING_BYTES) }),
  uint64: async (r) => ({ type: "uint64", value: (await r.bytes(8)).readBigUInt64LE() }),
  int64: async (r) => ({ type: "int64", value: (await r.bytes(8)).readBigInt64LE() }),
  float64: async (r) => ({ type: "float64", value: (await r.bytes(8)).readDoubleLE() }),
};

const type = "array";

/** Typed arrays take the machine's byte order, which is GGUF's on every machine that dllama runs on. */
const ARRAYS: Record<GgufScalarType, (reader: HeaderReader, n: number) => Promise<GgufArray>> = {
  uint8: async (r, n) => ({ type, of: "uint8", value: new Uint8Array(await r.copy(n)) }),
  int8: async (r, n) => ({ type, of: "int8", value: new Int8Array(await r.copy(n)) }),
  uint16: async (r, n) => ({ type, of: "uint16", value: new Uint16Array(await r.copy(2 * n)) }),
  int16: async (r, n) => ({ type, of: "int16", value: new Int16Array(await r.copy(2 * n)) }),
  uint32: async (r, n) => ({ type, of: "uint32", value: new Uint32Array(await r.copy(4 * n)) }),
  int32: async (r, n) => ({ type, of: "int32", value: new Int32Array(await r.copy(4 * n)) }),
  float32: async (r, n) => ({ type, of: "float32", value: new Float32Array(await r.copy(4 * n)) }),
  bool: async (r, n) => ({ type, of: "bool", value: await readBooleans(r, n) }),
  string: async (r, n) => ({ type, of: "string", value: await r.strings(n) }),
  uint64: async (r, n) => ({ type, of: "uint64", value: new BigUint64Array(await r.copy(8 * n)) }),
  int64: async (r, n) => ({ type, of: "int64", value: new BigInt64Array(await r.copy(8 * n)) }),
  float64: async (r, n) => ({ type, of: "float64", value: new Float64Array(await r.copy(8 * n)) }),
};

export async function readMetadata(
  reader: HeaderReader,
  count: number,
): Promise<Map<string, GgufValue>> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    if (reader.slice.isOver) await reader.slice.next();
    reader.part = `metadata entry ${i} of ${count}`;
    const key = await reader.string("a key", MAX_KEY_BYTES);
    reader.part = `metadata entry ${quoted(key)}`;
    if (metadata.has(key)) throw reader.malformed("expected every key once, got this one twice");
    metadata.set(key, await readValue(reader));
  }
  return metadata;
}

async function readValue(reader: HeaderReader): Promise<GgufValue> {
  const valueType = await readType(reader);
  if (valueType !== "array") return SCALARS[valueType](reader);
  const of = await readType(reader);
  if (of === "array") throw reader.malformed("expected an array of values, got an array of arrays");
  return ARRAYS[of](reader, await reader.size("an array's length"));
}

async function readType(reader: HeaderReader): Promise<GgufScalarType | "array"> {
  const id = await reader.uint32();
  const valueType = VALUE_TYPES[id];
  if (valueType === undefined) {
    throw reader.malformed(`expected a value type below ${VALUE_TYPES.length}, got ${id}`);
  }
  return valueType;
}

async function readBooleans(reader: HeaderReader, n: number): Promise<Uint8Array> {
  const booleans = new Uint8Array(await reader.copy(n));
  const wrong = booleans.find((byte) => byte > 1);
  if (wrong !== undefined) throw reader.malformed(`expected a boolean of 0 or 1, got ${wrong}`);
  return booleans;
}
