/**
 * llama2.c's `tokenizer.bin`: the longest piece's length, then a score, a length and the bytes of each
 * piece. It has no types: they are known by their place. Spaces stand for themselves, and BOS and EOS
 * have a newline on both sides. Source: `tokenizer.py` of llama2.c.
 */
import {
  byteOfPiece,
  checkVocabulary,
  malformedTokenizer,
  PIECE_TYPES,
  SPACE_MARK,
} from "./vocabulary.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { quoted } from "../gguf/quoted.ts";

const FIRST_PIECES = ["<unk>", "\n<s>\n", "\n</s>\n"];
const FIRST_BYTE_ID = FIRST_PIECES.length;

/**
 * Parses the bytes of the file at `path`.
 *
 * @throws DllamaError TOKENIZER_MALFORMED.
 */
export function parseLlama2cVocabulary(path: string, bytes: Buffer): Vocabulary {
  const pieces: string[] = [];
  const scores: number[] = [];
  for (let at = 4; at < bytes.length;) {
    const left = bytes.length - at;
    if (left < 8) {
      throw malformedTokenizer(
        path,
        `expected piece ${pieces.length} at byte ${at}, got the end of the file after ${left} bytes`,
      );
    }
    const length = bytes.readUInt32LE(at + 4);
    if (length > left - 8) {
      throw malformedTokenizer(
        path,
        `expected ${length} bytes for piece ${pieces.length} at byte ${at + 8}, got ${left - 8}`,
      );
    }
    scores.push(bytes.readFloatLE(at));
    pieces.push(bytes.toString("utf8", at + 8, at + 8 + length));
    at += 8 + length;
  }
  FIRST_PIECES.forEach((expected, id) => {
    if (pieces[id] === expected) return;
    const got = pieces[id] === undefined ? "the end of the file" : quoted(pieces[id]);
    throw malformedTokenizer(
      path,
      `expected ${JSON.stringify(expected)} as piece ${id}, got ${got}`,
    );
  });
  return checkVocabulary(path, {
    pieces: pieces.map((piece, id) =>
      id < FIRST_BYTE_ID ? piece.trim() : piece.replaceAll(" ", SPACE_MARK),
    ),
    scores: Float32Array.from(scores),
    types: Int32Array.from(pieces, typeOf),
    unkId: 0,
    bosId: 1,
    eosId: 2,
    addBos: true,
    addDummyPrefix: true,
    removeExtraWhitespaces: false,
  });
}

function typeOf(piece: string, id: number): number {
  if (id === 0) return PIECE_TYPES.unknown;
  if (id < FIRST_BYTE_ID) return PIECE_TYPES.control;
  return id < FIRST_BYTE_ID + 256 && byteOfPiece(piece) !== undefined
    ? PIECE_TYPES.byte
    : PIECE_TYPES.normal;
}
