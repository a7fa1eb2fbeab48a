/** Llama 2's tokenizer: SentencePiece BPE whose missing characters become bytes. */
import { Bpe } from "./bpe.ts";
import { PieceTable } from "./piece-table.ts";
import { StreamingDecoder } from "./streaming-decoder.ts";
import { Surfaces } from "./surfaces.ts";
import type { StreamOptions, Tokenizer } from "./tokenizer.ts";
import { byteOfPiece, PIECE_TYPES, SPACE_MARK } from "./vocabulary.ts";
import type { Vocabulary } from "./vocabulary.ts";

export class SentencePieceTokenizer implements Tokenizer {
  readonly vocabulary: Vocabulary;
  readonly #bpe: Bpe;
  readonly #surfaces: Surfaces;
  /** By byte. Empty if the vocabulary has no byte pieces. */
  readonly #byteIds: number[] = [];

  private constructor(vocabulary: Vocabulary, table: PieceTable) {
    this.vocabulary = vocabulary;
    this.#bpe = new Bpe(vocabulary, table);
    this.#surfaces = new Surfaces(vocabulary);
    for (let id = 0; id < vocabulary.types.length; id++) {
      if (vocabulary.types[id] !== PIECE_TYPES.byte) continue;
      const byte = byteOfPiece(vocabulary.pieces[id] ?? "");
      if (byte !== undefined) this.#byteIds[byte] = id;
    }
  }

  /** `vocabulary` must have passed `checkVocabulary`. */
  static async of(vocabulary: Vocabulary): Promise<SentencePieceTokenizer> {
    return new SentencePieceTokenizer(vocabulary, await PieceTable.of(vocabulary));
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
    const { unkId } = this.vocabulary;
    const ids: number[] = [];
    let isPreviousUnknown = false;
    const normal = this.#normalize(text);
    for (let begin = 0, end = 0; begin < normal.length; begin = end) {
      end = this.#bpe.wordEnd(normal, begin);
      for (const id of this.#bpe.encode(normal.slice(begin, end))) {
        if (id >= 0) {
          ids.push(id);
        } else if (this.#byteIds.length > 0) {
          for (const byte of Buffer.from(String.fromCodePoint(~id), "utf8")) {
            ids.push(this.#byteIds[byte] ?? unkId);
          }
        } else if (!isPreviousUnknown) {
          ids.push(unkId); // one for all unknown characters in a row
        }
        isPreviousUnknown = id < 0;
      }
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
