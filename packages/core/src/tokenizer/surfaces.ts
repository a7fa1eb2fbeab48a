/** What ids stand for when they are decoded, worked out when it is asked for: most never are. */
import { byteOfPiece, PIECE_TYPES, SPACE_MARK } from "./vocabulary.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Text ("" for control pieces) or one byte. */
export type Surface = string | number;

/** What the unknown piece decodes to. Source: `unk_surface` in `sentencepiece_model.proto`. */
const UNKNOWN_SURFACE = " ⁇ ";

export class Surfaces {
  readonly #vocabulary: Vocabulary;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** Ids there are. */
  get size(): number {
    return this.#vocabulary.pieces.length;
  }

  /** Undefined for an id that the vocabulary does not have. */
  of(id: number): Surface | undefined {
    const piece = this.#vocabulary.pieces[id];
    if (piece === undefined) return undefined;
    const type = this.#vocabulary.types[id];
    if (type === PIECE_TYPES.control) return "";
    if (type === PIECE_TYPES.unknown) return UNKNOWN_SURFACE;
    if (type === PIECE_TYPES.byte) return byteOfPiece(piece) ?? UNKNOWN_SURFACE;
    return piece.replaceAll(SPACE_MARK, " ");
  }
}
