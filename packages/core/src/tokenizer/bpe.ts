/**
 * SentencePiece's byte-pair encoding: a text begins as single characters, and the neighbours whose
 * union has the best score are merged, the leftmost first among equals, until no union is a piece.
 * Source: `bpe_model.cc` of SentencePiece; the priority queue makes it O(n log n).
 *
 * One difference: a piece marked as unused is no piece here. SentencePiece merges through such pieces
 * and then takes them apart again; they appear only where somebody restricted a vocabulary.
 */
import { PairQueue } from "./pair-queue.ts";
import { UserDefinedPieces } from "./user-defined-pieces.ts";
import { PIECE_TYPES } from "./vocabulary.ts";
import type { Vocabulary } from "./vocabulary.ts";

export class Bpe {
  /** Pieces that text can become: never control, unknown or byte pieces. */
  readonly #ids = new Map<string, number>();
  /** By id: 0 is merged first; equal scores have equal ranks. */
  readonly #ranks: Uint32Array;
  /** Of the longest piece, in UTF-16 units. */
  #longest = 0;
  readonly #userDefined: UserDefinedPieces;

  constructor({ pieces, scores, types }: Vocabulary) {
    const userDefined: string[] = [];
    pieces.forEach((piece, id) => {
      const isUserDefined = types[id] === PIECE_TYPES.userDefined;
      if (!isUserDefined && types[id] !== PIECE_TYPES.normal) return;
      if (piece === "" || this.#ids.has(piece)) return;
      this.#ids.set(piece, id);
      this.#longest = Math.max(this.#longest, piece.length);
      if (isUserDefined) userDefined.push(piece);
    });
    this.#ranks = rank(scores);
    this.#userDefined = new UserDefinedPieces(userDefined);
  }

  idOf(piece: string): number | undefined {
    return this.#ids.get(piece);
  }

  /** Cuts a text into pieces, and into single characters where there is no piece. */
  segment(text: string): string[] {
    const n = text.length;
    // A symbol is known by where it begins. ends[begin]: where it ends, so where the next begins; 0 if none begins there.
    const ends = new Uint32Array(n);
    const previous = new Uint32Array(n);
    const frozen = new Uint8Array(n);
    for (let begin = 0, before = 0; begin < n;) {
      const userDefined = this.#userDefined.lengthAt(text, begin);
      const length = userDefined || ((text.codePointAt(begin) ?? 0) > 0xffff ? 2 : 1);
      frozen[begin] = userDefined > 0 ? 1 : 0;
      previous[begin] = before;
      ends[begin] = begin + length;
      before = begin;
      begin += length;
    }

    const queue = new PairQueue();
    const offer = (left: number): void => {
      const right = ends[left] ?? n;
      const end = ends[right];
      if (end === undefined || end - left > this.#longest) return;
      if (frozen[left] === 1 || frozen[right] === 1) return;
      const id = this.#ids.get(text.slice(left, end));
      if (id !== undefined) queue.push((this.#ranks[id] ?? 0) * 2 ** 32 + left, end);
    };
    for (let left = 0; left < n; left = ends[left] ?? n) offer(left);

    while (queue.size > 0) {
      const { key, value: end } = queue.pop();
      const left = key % 2 ** 32;
      const right = ends[left] ?? 0;
      // A pair is stale when one of its symbols has been merged with another since: then no two symbols fill its place.
      if (right === 0 || ends[right] !== end) continue;
      ends[left] = end;
      ends[right] = 0;
      if (end < n) {
        previous[end] = left;
        offer(left);
      }
      if (left > 0) offer(previous[left] ?? 0);
    }

    const pieces: string[] = [];
    for (let begin = 0; begin < n; begin = ends[begin] ?? n) {
      pieces.push(text.slice(begin, ends[begin]));
    }
    return pieces;
  }
}

/** The place of every score among the different scores, the highest first. */
function rank(scores: Float32Array): Uint32Array {
  const descending = Array.from(new Set(scores)).toSorted((a, b) => b - a);
  const ranks = new Map(descending.map((score, place) => [score, place]));
  return Uint32Array.from(scores, (score) => ranks.get(score) ?? 0);
}
