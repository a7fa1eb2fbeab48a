/**
 * A SentencePiece BPE vocabulary, whichever file it came from, and the rules that all of them keep.
 * Source: `sentencepiece_model.proto` and `model_interface.cc` of SentencePiece.
 */
import { DllamaError } from "../errors.ts";
import { quoted } from "../gguf/quoted.ts";

/** What a piece is for. SentencePiece and GGUF (`tokenizer.ggml.token_type`) write the same numbers. */
export const PIECE_TYPES = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

export interface Vocabulary {
  /** By id. A space is written as `▁`, U+2581. */
  pieces: string[];
  /** By id. Of two pairs of pieces, the one whose union has the higher score is merged first. */
  scores: Float32Array;
  /** By id, of `PIECE_TYPES`. */
  types: Int32Array;
  unkId: number;
  bosId: number;
  eosId: number;
  /** Whether the model expects BOS before a prompt. */
  addBos: boolean;
  /** Whether a text gets a space in front, so that its first word is spelt as in the middle of a text. */
  addDummyPrefix: boolean;
  /** Whether spaces at both ends, and all but one of several, are dropped before encoding. */
  removeExtraWhitespaces: boolean;
}

/** Stands for a space in pieces. A text that has the character itself gets a space back when decoded. */
export const SPACE_MARK = "▁";

/** Four times the largest in use. */
const MAX_PIECES = 2 ** 20;

/** In UTF-16 units: ten times the longest in use, and few enough that looking one up is quick. */
const MAX_PIECE_LENGTH = 512;

/** The byte that a byte piece like `<0x0A>` stands for. */
export function byteOfPiece(piece: string): number | undefined {
  return /^<0x[0-9A-F]{2}>$/.test(piece) ? Number.parseInt(piece.slice(3, 5), 16) : undefined;
}

/**
 * Returns the vocabulary if it keeps the rules.
 *
 * @throws DllamaError TOKENIZER_MALFORMED, which begins with `path`.
 */
export function checkVocabulary(path: string, vocabulary: Vocabulary): Vocabulary {
  const { pieces, scores, types, unkId, bosId, eosId } = vocabulary;
  const n = pieces.length;
  if (n === 0 || n > MAX_PIECES) {
    throw malformedTokenizer(path, `expected 1 to ${MAX_PIECES} pieces, got ${n}`);
  }
  if (scores.length !== n || types.length !== n) {
    throw malformedTokenizer(
      path,
      `expected a score and a type for each of ${n} pieces, got ${scores.length} and ${types.length}`,
    );
  }
  // One loop: a call for each of 128 thousand pieces is a part of the time until the first token.
  for (let id = 0; id < n; id++) {
    const length = pieces[id]?.length ?? 0;
    if (length > MAX_PIECE_LENGTH) {
      throw malformedTokenizer(
        path,
        `expected pieces of at most ${MAX_PIECE_LENGTH} characters, got one of ${length}`,
      );
    }
    if (Number.isNaN(scores[id])) {
      throw malformedTokenizer(path, `expected a number as score of piece ${id}, got NaN`);
    }
    const type = types[id] ?? 0;
    if (type < PIECE_TYPES.normal || type > PIECE_TYPES.byte) {
      throw malformedTokenizer(path, `expected a type from 1 to 6 for piece ${id}, got ${type}`);
    }
  }
  for (const [name, id] of Object.entries({ UNK: unkId, BOS: bosId, EOS: eosId })) {
    if (!(id >= 0 && id < n)) {
      throw malformedTokenizer(path, `expected an id below ${n} for ${name}, got ${id}`);
    }
  }
  checkBytePieces(path, vocabulary);
  return vocabulary;
}

/** All 256 or none: with some, a text could be encoded that others could not. */
function checkBytePieces(path: string, { pieces, types }: Vocabulary): void {
  const seen = new Set<number>();
  for (let id = 0; id < types.length; id++) {
    if (types[id] !== PIECE_TYPES.byte) continue;
    const byte = byteOfPiece(pieces[id] ?? "");
    if (byte === undefined) {
      throw malformedTokenizer(
        path,
        `expected a byte piece like <0x0A> for piece ${id}, got ${quoted(pieces[id] ?? "")}`,
      );
    }
    if (seen.has(byte)) {
      throw malformedTokenizer(path, `expected every byte piece once, got ${pieces[id]} twice`);
    }
    seen.add(byte);
  }
  if (seen.size !== 0 && seen.size !== 256) {
    throw malformedTokenizer(path, `expected 256 byte pieces or none, got ${seen.size}`);
  }
}

export function malformedTokenizer(path: string, message: string): DllamaError {
  return new DllamaError("TOKENIZER_MALFORMED", `${path}: ${message}`, {
    hint: "The tokenizer is damaged or incomplete: download it or convert the model again.",
  });
}
