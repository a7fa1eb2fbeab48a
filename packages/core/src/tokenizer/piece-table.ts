/**
 * Pieces that text can become (never control, unknown or byte pieces), looked up in place: a hash table over the text's UTF-16 units, so that neither
 * filling it nor asking it makes a string. A Map of 128 thousand pieces takes longer to fill than all
 * that a start may take.
 *
 * The seed is drawn, so that no file can be made whose pieces all meet in one place.
 */
import { randomInt } from "node:crypto";

import { TimeSlice } from "../time-slice.ts";
import { PIECE_TYPES } from "./vocabulary.ts";
import type { Vocabulary } from "./vocabulary.ts";

export class PieceTable {
  readonly #pieces: readonly string[];
  /**
   * id + 1 of the piece in each slot, 0 for none, below high bits of its hash: other pieces are seldom
   * looked at, which would be a miss in the cache each. A power of two, at most half full.
   */
  readonly #slots: Int32Array;
  readonly #seed = randomInt(2 ** 32) | 0;
  /** Bits of pairs of neighbouring units, by their hash. */
  readonly #pairs = new Int32Array(PAIR_BITS / 32);
  #longest = 0;

  private constructor(pieces: readonly string[]) {
    this.#pieces = pieces;
    this.#slots = new Int32Array(2 ** (1 + Math.ceil(Math.log2(Math.max(1, pieces.length)))));
  }

  /** Of equal pieces the first counts; an empty one does not. */
  static async of({ pieces, types }: Vocabulary): Promise<PieceTable> {
    const table = new PieceTable(pieces);
    const slice = new TimeSlice();
    await slice.next();
    for (let begin = 0; begin < pieces.length; begin += PIECES_A_LOOK) {
      // oxlint-disable-next-line no-await-in-loop -- lets the event loop go round
      if (slice.isOver) await slice.next();
      table.#add(types, begin, Math.min(begin + PIECES_A_LOOK, pieces.length));
    }
    return table;
  }

  /** Of the longest piece, in UTF-16 units. */
  get longest(): number {
    return this.#longest;
  }

  #add(types: Int32Array, begin: number, end: number): void {
    const slots = this.#slots;
    for (let id = begin; id < end; id++) {
      const piece = this.#pieces[id] ?? "";
      const type = types[id];
      if (piece === "" || (type !== PIECE_TYPES.normal && type !== PIECE_TYPES.userDefined))
        continue;
      const hash = this.#hashWithPairs(piece);
      const slot = this.#slot(hash, piece, 0, piece.length);
      if (slots[slot] !== 0) continue;
      slots[slot] = (hash & TAG) | (id + 1);
      if (piece.length > this.#longest) this.#longest = piece.length;
    }
  }

  /** The id of the piece that stands from `begin` to `end` of a text; -1 if there is none. */
  idAt(text: string, begin: number, end: number): number {
    const slot = this.#slot(this.#hash(text, begin, end), text, begin, end);
    return ((this.#slots[slot] ?? 0) & ~TAG) - 1;
  }

  /** Whether a piece may hold these two units side by side: never a wrong no, seldom a wrong yes. */
  mayJoin(first: number, second: number): boolean {
    const bit = pairBit(first, second);
    return ((this.#pairs[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  /** The hash of a whole piece, and its pairs on the way: each unit of 128 thousand pieces is read once. */
  #hashWithPairs(piece: string): number {
    const pairs = this.#pairs;
    let hash = this.#seed;
    let before = piece.charCodeAt(0);
    for (let at = 0; at < piece.length; at++) {
      const unit = piece.charCodeAt(at);
      hash = Math.imul(hash ^ unit, MULTIPLIER);
      hash ^= hash >>> 15;
      if (at > 0) {
        const bit = pairBit(before, unit);
        pairs[bit >>> 5] = (pairs[bit >>> 5] ?? 0) | (1 << (bit & 31));
      }
      before = unit;
    }
    return hash;
  }

  #hash(text: string, begin: number, end: number): number {
    let hash = this.#seed;
    for (let at = begin; at < end; at++) {
      hash = Math.imul(hash ^ text.charCodeAt(at), MULTIPLIER);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  /** Where the piece with this hash is, or where it would be. */
  #slot(hash: number, text: string, begin: number, end: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] ?? 0;
      if (entry === 0) return slot;
      if (((entry ^ hash) & TAG) !== 0) continue;
      if (isAt(this.#pieces[(entry & ~TAG) - 1] ?? "", text, begin, end)) return slot;
    }
  }
}

/** Pieces between two looks at the clock: some tenths of a millisecond. */
const PIECES_A_LOOK = 1024;

/** What ids leave of 32 bits: `checkVocabulary` allows 2^20 pieces. */
const TAG = -(2 ** 21);

/** 64 KiB: Llama 2's pieces have 9 thousand pairs, those of larger vocabularies a few times as many. */
const PAIR_BITS = 2 ** 19;

/** 2^32 by the golden ratio, as in Knuth's multiplicative hashing. */
const MULTIPLIER = 0x9e3779b1;

function pairBit(first: number, second: number): number {
  return Math.imul((first << 16) | second, MULTIPLIER) >>> 13;
}

function isAt(piece: string, text: string, begin: number, end: number): boolean {
  if (piece.length !== end - begin) return false;
  for (let at = begin; at < end; at++) {
    if (piece.charCodeAt(at - begin) !== text.charCodeAt(at)) return false;
  }
  return true;
}
