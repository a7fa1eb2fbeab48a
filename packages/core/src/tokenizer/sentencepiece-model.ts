/**
 * SentencePiece's `tokenizer.model`, which Llama 2's checkpoints carry. Only the fields that matter
 * to BPE are read. Source: `sentencepiece_model.proto`, whose field numbers and defaults stand here.
 */
import { DllamaError } from "../errors.ts";
import { readFields } from "./protobuf.ts";
import type { ProtobufField } from "./protobuf.ts";
import { checkVocabulary, malformedTokenizer, PIECE_TYPES } from "./vocabulary.ts";
import type { Vocabulary } from "./vocabulary.ts";

const MODEL = { piece: 1, trainerSpec: 2, normalizerSpec: 3 } as const;
const PIECE = { text: 1, score: 2, type: 3 } as const;
const BPE = 2;
const MODEL_TYPES = [undefined, "UNIGRAM", "BPE", "WORD", "CHAR"];

const TRAINER = {
  modelType: 3,
  treatWhitespaceAsSuffix: 24,
  byteFallback: 35,
  unkId: 40,
  bosId: 41,
  eosId: 42,
} as const;
const NORMALIZER = {
  precompiledCharsmap: 2,
  addDummyPrefix: 3,
  removeExtraWhitespaces: 4,
  escapeWhitespaces: 5,
} as const;

interface Piece {
  text: string;
  score: number;
  type: number;
}

type Fields = Map<number, ProtobufField>;

/**
 * Parses the bytes of the file at `path`.
 *
 * @throws DllamaError TOKENIZER_MALFORMED; TOKENIZER_UNSUPPORTED for anything but plain BPE.
 */
export function parseSentencePieceModel(path: string, bytes: Buffer): Vocabulary {
  const pieces: string[] = [];
  const scores: number[] = [];
  const types: number[] = [];
  const trainer: Fields = new Map();
  const normalizer: Fields = new Map();
  for (const { number, kind, start, end } of readFields(path, bytes, 0, bytes.length)) {
    if (number > MODEL.normalizerSpec) continue;
    if (kind !== "bytes") {
      throw malformedTokenizer(path, `expected a message before byte ${end}, got a number`);
    }
    const fields = readFields(path, bytes, start, end);
    if (number === MODEL.trainerSpec) for (const field of fields) trainer.set(field.number, field);
    if (number === MODEL.normalizerSpec) {
      for (const field of fields) normalizer.set(field.number, field);
    }
    if (number !== MODEL.piece) continue;
    const piece = readPiece(path, bytes, fields);
    pieces.push(piece.text);
    scores.push(piece.score);
    types.push(piece.type);
  }
  if (pieces.length > 0) {
    refuseOtherModels(path, trainer, normalizer);
    checkByteFallback(path, types, integerOf(trainer, TRAINER.byteFallback, 0) !== 0);
  }
  return checkVocabulary(path, {
    pieces,
    scores: Float32Array.from(scores),
    types: Int32Array.from(types),
    unkId: integerOf(trainer, TRAINER.unkId, 0),
    bosId: integerOf(trainer, TRAINER.bosId, 1),
    eosId: integerOf(trainer, TRAINER.eosId, 2),
    addBos: true,
    addDummyPrefix: integerOf(normalizer, NORMALIZER.addDummyPrefix, 1) !== 0,
    removeExtraWhitespaces: integerOf(normalizer, NORMALIZER.removeExtraWhitespaces, 1) !== 0,
  });
}

/** A field's value, or what the format's definition gives to a file without it. */
function integerOf(fields: Fields, number: number, byDefault: number): number {
  return fields.get(number)?.integer ?? byDefault;
}

function refuseOtherModels(path: string, trainer: Fields, normalizer: Fields): void {
  const refuse = (what: string): never => {
    const message = `${path}: expected a SentencePiece BPE model like Llama 2's, got ${what}`;
    throw new DllamaError("TOKENIZER_UNSUPPORTED", message, {
      hint: "dllama runs models with Llama 2's kind of tokenizer.",
    });
  };
  const modelType = integerOf(trainer, TRAINER.modelType, 1);
  const charsmap = normalizer.get(NORMALIZER.precompiledCharsmap);
  if (modelType !== BPE) refuse(`one of the type ${MODEL_TYPES[modelType] ?? modelType}`);
  if (charsmap !== undefined && charsmap.end > charsmap.start) {
    refuse("one that rewrites characters");
  }
  if (integerOf(trainer, TRAINER.treatWhitespaceAsSuffix, 0) !== 0) {
    refuse("one with spaces at the end of words");
  }
  if (integerOf(normalizer, NORMALIZER.escapeWhitespaces, 1) === 0) {
    refuse("one that keeps spaces as they are");
  }
  if (integerOf(trainer, TRAINER.bosId, 1) < 0 || integerOf(trainer, TRAINER.eosId, 2) < 0) {
    refuse("one without BOS or EOS");
  }
}

function checkByteFallback(path: string, types: number[], isDeclared: boolean): void {
  const hasBytes = types.includes(PIECE_TYPES.byte);
  if (hasBytes === isDeclared) return;
  const [expected, got] = isDeclared
    ? ["byte pieces, as byte_fallback says", "none"]
    : ["no byte pieces without byte_fallback", "some"];
  throw malformedTokenizer(path, `expected ${expected}, got ${got}`);
}

function readPiece(path: string, bytes: Buffer, fields: Iterable<ProtobufField>): Piece {
  const piece: Piece = { text: "", score: 0, type: PIECE_TYPES.normal };
  for (const { number, integer, start, end } of fields) {
    if (number === PIECE.text) piece.text = bytes.toString("utf8", start, end);
    if (number === PIECE.type) piece.type = integer;
    if (number === PIECE.score) {
      if (end - start !== 4) {
        throw malformedTokenizer(
          path,
          `expected a score of 4 bytes at ${start}, got ${end - start}`,
        );
      }
      piece.score = bytes.readFloatLE(start);
    }
  }
  return piece;
}
