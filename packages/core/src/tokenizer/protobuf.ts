/**
 * The wire format of Protocol Buffers, as far as `tokenizer.model` needs it: fields are numbered, and
 * each is an integer, four or eight bytes, or a run of bytes that may be a message itself.
 * Source: protobuf.dev, "Encoding".
 */
import { malformedTokenizer } from "./vocabulary.ts";

export interface ProtobufField {
  number: number;
  kind: "integer" | "fixed" | "bytes";
  /** Of an integer: its lower 32 bits, signed. Else 0. */
  integer: number;
  /** Where the value's bytes lie in the file. */
  start: number;
  end: number;
}

/** By wire type. 3 and 4 are groups, which nobody writes any more. */
const KINDS: readonly (ProtobufField["kind"] | undefined)[] = [
  "integer",
  "fixed",
  "bytes",
  undefined,
  undefined,
  "fixed",
];
const EIGHT_BYTES = 1;

/** The fields of the message in `bytes[start..end]`. Nothing outside of it is read, whatever it says. */
export function* readFields(
  path: string,
  bytes: Buffer,
  start: number,
  end: number,
): Generator<ProtobufField> {
  let at = start;

  const malformed = (expected: string, got: string): Error =>
    malformedTokenizer(
      path,
      `malformed Protocol Buffer near byte ${at}: expected ${expected}, got ${got}`,
    );

  /** Seven bits a byte, the lowest first; the top bit says that another byte follows. */
  const readInteger = (): number => {
    let bits = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = at < end ? bytes[at] : undefined;
      if (byte === undefined) throw malformed("an integer", `the end of its message at ${end}`);
      at++;
      if (shift < 32) bits |= (byte & 0x7f) << shift;
      if (byte < 0x80) return bits;
    }
    throw malformed("an integer of at most 10 bytes", "more");
  };

  while (at < end) {
    const tag = readInteger() >>> 0;
    const number = tag >>> 3;
    if (number === 0) throw malformed("a field's number from 1", "0");
    const wireType = tag & 7;
    const kind = KINDS[wireType];
    if (kind === undefined) throw malformed("a field of wire type 0, 1, 2 or 5", String(wireType));
    if (kind === "integer") {
      yield { number, kind, integer: readInteger(), start: at, end: at };
      continue;
    }
    const length = kind === "bytes" ? readInteger() >>> 0 : wireType === EIGHT_BYTES ? 8 : 4;
    if (length > end - at) {
      throw malformed(`${length} more bytes`, `the end of its message after ${end - at}`);
    }
    at += length;
    yield { number, kind, integer: 0, start: at - length, end: at };
  }
}
