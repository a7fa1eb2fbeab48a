/** Spells `tokenizer.model` field by field, so that it can also be wrong. */

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value)); // negative numbers take ten bytes
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

export const integer = (number: number, value: number): Buffer =>
  Buffer.concat([varint(number << 3), varint(value)]);

export const message = (number: number, ...fields: Buffer[]): Buffer => {
  const bytes = Buffer.concat(fields);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
};

export function float(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varint((number << 3) | 5), bytes]);
}

export const NORMAL = 1;
const UNKNOWN = 2;
export const CONTROL = 3;
export const USER_DEFINED = 4;
export const UNUSED = 5;
const BYTE = 6;

export type Piece = readonly [text: string, score: number, type: number];

const SPECIAL_PIECES: Piece[] = [
  ["<unk>", 0, UNKNOWN],
  ["<s>", 0, CONTROL],
  ["</s>", 0, CONTROL],
];

export const BYTE_PIECES: Piece[] = Array.from({ length: 256 }, (_, byte) => [
  `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  0,
  BYTE,
]);

export interface ModelOptions {
  /** Behind the special pieces. */
  pieces?: readonly Piece[];
  /** Fields of the trainer spec; by default BPE without bytes. */
  trainer?: Buffer[];
  /** Fields of the normalizer spec; by default a space in front, and all spaces kept. */
  normalizer?: Buffer[];
}

export function sentencePieceModel(options: ModelOptions = {}): Buffer {
  const {
    pieces = [],
    trainer = [integer(3, 2)],
    normalizer = [integer(3, 1), integer(4, 0)],
  } = options;
  return Buffer.concat([
    ...[...SPECIAL_PIECES, ...pieces].map(([text, score, type]) =>
      message(1, message(1, Buffer.from(text)), float(2, score), integer(3, type)),
    ),
    message(2, ...trainer),
    message(3, ...normalizer),
  ]);
}
