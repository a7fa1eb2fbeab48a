/** The key-value part of a GGUF header. */
import type { HeaderReader } from "./header-reader.ts";
import { VALUE_TYPES } from "./value.ts";
import type { GgufArray, GgufScalar, GgufScalarType, GgufValue } from "./value.ts";

/** The format's own limit. Source: ggml's `docs/gguf.md`. */
const MAX_KEY_BYTES = 65_535;

/** No length of its own: a string is bounded by the file and by the largest header. */
const MAX_STRING_BYTES = Number.MAX_SAFE_INTEGER;

export async function readMetadata(
  reader: HeaderReader,
  count: number,
): Promise<Map<string, GgufValue>> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    reader.part = `metadata entry ${i} of ${count}`;
    const key = await reader.string("a key", MAX_KEY_BYTES);
    reader.part = `metadata entry ${JSON.stringify(key)}`;
    if (metadata.has(key)) throw reader.malformed("expected every key once, got this one twice");
    metadata.set(key, await readValue(reader));
  }
  return metadata;
}

async function readValue(reader: HeaderReader): Promise<GgufValue> {
  const type = await readType(reader);
  if (type !== "array") return readScalar(reader, type);
  const of = await readType(reader);
  if (of === "array") throw reader.malformed("expected an array of values, got an array of arrays");
  return readArray(reader, of, await reader.size("an array's length"));
}

async function readType(reader: HeaderReader): Promise<GgufScalarType | "array"> {
  const id = await reader.uint32();
  const type = VALUE_TYPES[id];
  if (type === undefined)
    throw reader.malformed(`expected a value type below ${VALUE_TYPES.length}, got ${id}`);
  return type;
}

async function readScalar(reader: HeaderReader, type: GgufScalarType): Promise<GgufScalar> {
  if (type === "string") return { type, value: await reader.string("a string", MAX_STRING_BYTES) };
  if (type === "bool")
    return { type, value: toBoolean(reader, (await reader.bytes(1)).readUInt8()) };
  const [value] = await reader.numbers(type, 1);
  return { type, value } as GgufScalar;
}

async function readArray(reader: HeaderReader, of: GgufScalarType, n: number): Promise<GgufArray> {
  if (of === "string") return { type: "array", of, value: await reader.strings(n) };
  if (of === "bool")
    return {
      type: "array",
      of,
      value: Array.from(await reader.bytes(n), (byte) => toBoolean(reader, byte)),
    };
  return { type: "array", of, value: await reader.numbers(of, n) } as GgufArray;
}

function toBoolean(reader: HeaderReader, byte: number): boolean {
  if (byte > 1) throw reader.malformed(`expected a boolean of 0 or 1, got ${byte}`);
  return byte === 1;
}
