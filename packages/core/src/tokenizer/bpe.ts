/**
 * SentencePiece's byte-pair encoding: a text begins as single characters, and the neighbours whose
 * union has the best score are merged, the leftmost first among equals, until no union is a piece.
 * Source: `bpe_model.cc` of SentencePiece; the priority queue makes it O(n log n).
 *
 * Where two characters stand side by side that do so in no piece, no merge can join what is left and
 * right of them: a text is cut there into words, which are encoded by themselves and remembered, because
 * texts repeat their words. Most are those between spaces.
 *
 * One difference: a piece marked as unused is no piece here. SentencePiece merges through such pieces
 * and then takes them apart again; they appear only where somebody restricted a vocabulary.
 */
import { PairQueue } from "./pair-queue.ts";
import type { PieceTable } from "./piece-table.ts";
import { UserDefinedPieces } from "./user-defined-pieces.ts";
import { PIECE_TYPES } from "./vocabulary.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Words that are remembered: those of a long text, in some megabytes. */
const MAX_WORDS = 8192;
/** Longer ones, in UTF-16 units, seldom come again. */
const MAX_REMEMBERED = 32;
/** Longer words, in UTF-16 units, have memory of their own for their symbols. */
const USUAL_LENGTH = 256;

export class Bpe {
  readonly #table: PieceTable;
  readonly #scores: Float32Array;
  readonly #userDefined: UserDefinedPieces;
  readonly #words = new Map<string, number[]>();
  /** Of usual words, used again for each. */
  readonly #symbols = new Symbols(USUAL_LENGTH);
  readonly #queue = new PairQueue();

  constructor({ pieces, scores, types }: Vocabulary, table: PieceTable) {
    this.#table = table;
    this.#scores = scores;
    const { userDefined } = PIECE_TYPES;
    this.#userDefined = new UserDefinedPieces(
      types.includes(userDefined) ? pieces.filter((_, id) => types[id] === userDefined) : [],
    );
  }

  /** Where the word ends that begins there: no piece reaches across. */
  wordEnd(text: string, begin: number): number {
    const table = this.#table;
    let before = text.charCodeAt(begin);
    for (let at = begin + 1; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      // Both halves of a character stay together.
      if (!table.mayJoin(before, unit) && (before & 0xfc00) !== 0xd800) return at;
      before = unit;
    }
    return text.length;
  }

  /**
   * The ids of a word, and `~codePoint` (always negative) of characters for which there is no piece.
   *
   * `word`: without surrogates that have no partner.
   */
  encode(word: string): readonly number[] {
    if (word.length > MAX_REMEMBERED) return this.#segment(word);
    const known = this.#words.get(word);
    if (known !== undefined) return known;
    const ids = this.#segment(word);
    if (this.#words.size >= MAX_WORDS) this.#words.clear();
    this.#words.set(word, ids);
    return ids;
  }

  #segment(text: string): number[] {
    const n = text.length;
    const { ends, previous, frozen } =
      n <= USUAL_LENGTH ? this.#symbols.cleared(n) : new Symbols(n);
    for (let begin = 0, before = 0; begin < n;) {
      const userDefined = this.#userDefined.lengthAt(text, begin);
      const length = userDefined || ((text.codePointAt(begin) ?? 0) > 0xffff ? 2 : 1);
      frozen[begin] = userDefined > 0 ? 1 : 0;
      previous[begin] = before;
      ends[begin] = begin + length;
      before = begin;
      begin += length;
    }

    const queue = this.#queue;
    const longest = this.#table.longest;
    const offer = (left: number): void => {
      const right = ends[left] ?? n;
      if (right >= n) return;
      const end = ends[right] ?? n;
      if (end - left > longest) return;
      if (frozen[left] === 1 || frozen[right] === 1) return;
      const id = this.#table.idAt(text, left, end);
      if (id >= 0) queue.push(this.#scores[id] ?? 0, left, end);
    };
    for (let left = 0; left < n; left = ends[left] ?? n) offer(left);

    while (queue.size > 0) {
      const { left, end } = queue.pop();
      const right = ends[left] ?? 0;
      // A pair is stale when one of its symbols has been merged with another since: then no two symbols fill its place.
      if (right === 0 || right >= n || ends[right] !== end) continue;
      ends[left] = end;
      ends[right] = 0;
      if (end < n) {
        previous[end] = left;
        offer(left);
      }
      if (left > 0) offer(previous[left] ?? 0);
    }

    const ids: number[] = [];
    for (let begin = 0; begin < n;) {
      const end = ends[begin] ?? n;
      const id = this.#table.idAt(text, begin, end);
      ids.push(id >= 0 ? id : ~(text.codePointAt(begin) ?? 0));
      begin = end;
    }
    return ids;
  }
}

/** The symbols of a word. A symbol is known by where it begins. */
class Symbols {
  /** By beginning: where a symbol ends, so where the next begins; 0 if none begins there. */
  readonly ends: Uint32Array;
  /** By beginning: where the one before begins. */
  readonly previous: Uint32Array;
  /** By beginning: 1 if it takes part in no merge. */
  readonly frozen: Uint8Array;

  constructor(n: number) {
    this.ends = new Uint32Array(n);
    this.previous = new Uint32Array(n);
    this.frozen = new Uint8Array(n);
  }

  /** None yet. */
  cleared(n: number): this {
    this.ends.fill(0, 0, n);
    return this;
  }
}
