/** Llama 2's tokenizer: SentencePiece BPE whose missing characters become bytes. */
import { Bpe } from "./bpe.ts";
import { StreamingDecoder } from "./streaming-decoder.ts";
import type { Surface } from "./streaming-decoder.ts";
import type { StreamOptions, Tokenizer } from "./tokenizer.ts";
import { byteOfPiece, PIECE_TYPES, SPACE_MARK } from "./vocabulary.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What the unknown piece decodes to. Source: `unk_surface` in `sentencepiece_model.proto`. */
const UNKNOWN_SURFACE = " ⁇ ";

export class SentencePieceTokenizer implements Tokenizer {
  readonly vocabulary: Vocabulary;
  readonly #bpe: Bpe;
  readonly #surfaces: Surface[];
  /** By byte. Empty if the vocabulary has no byte pieces. */
  readonly #byteIds: number[] = [];

  /** `vocabulary` must have passed `checkVocabulary`. */
  constructor(vocabulary: Vocabulary) {
    this.vocabulary = vocabulary;
    this.#bpe = new Bpe(vocabulary);
    this.#surfaces = vocabulary.pieces.map((piece, id) => surfaceOf(piece, vocabulary.types[id]));
    this.#surfaces.forEach((surface, id) => {
      if (typeof surface === "number") this.#byteIds[surface] = id;
    });
  }

  get vocabSize(): number {
    return this.vocabulary.pieces.length;
  }

  get bosId(): number {
    return this.vocabulary.bosId;
  }

  get eosId(): number {
    return this.vocabulary.eosId;
  }

  get addBos(): boolean {
    return this.vocabulary.addBos;
  }

  encode(text: string): number[] {
    const ids: number[] = [];
    let isPreviousUnknown = false;
    for (const piece of this.#bpe.segment(this.#normalize(text))) {
      const id = this.#bpe.idOf(piece);
      if (id !== undefined) {
        ids.push(id);
      } else if (this.#byteIds.length > 0) {
        for (const byte of Buffer.from(piece, "utf8"))
          ids.push(this.#byteIds[byte] ?? this.vocabulary.unkId);
      } else if (!isPreviousUnknown) {
        ids.push(this.vocabulary.unkId); // one for all unknown characters in a row
      }
      isPreviousUnknown = id === undefined;
    }
    return ids;
  }

  decode(ids: Iterable<number>): string {
    const decoder = this.stream();
    let text = "";
    for (const id of ids) text += decoder.push(id);
    return text + decoder.flush();
  }

  stream({ continues = false }: StreamOptions = {}): StreamingDecoder {
    return new StreamingDecoder(this.#surfaces, this.vocabulary.addDummyPrefix && !continues);
  }

  #normalize(text: string): string {
    // With the flag u, a surrogate matches only where it is not half of a pair.
    let normal = text.replace(/\p{Surrogate}/gu, "\uFFFD");
    if (this.vocabulary.removeExtraWhitespaces) {
      normal = normal.split(" ").filter(Boolean).join(" ");
    }
    if (this.vocabulary.addDummyPrefix && normal !== "") normal = ` ${normal}`;
    return normal.replaceAll(" ", SPACE_MARK);
  }
}

function surfaceOf(piece: string, type: number | undefined): Surface {
  if (type === PIECE_TYPES.control) return "";
  if (type === PIECE_TYPES.unknown) return UNKNOWN_SURFACE;
  if (type === PIECE_TYPES.byte) return byteOfPiece(piece) ?? UNKNOWN_SURFACE;
  return piece.replaceAll(SPACE_MARK, " ");
}
