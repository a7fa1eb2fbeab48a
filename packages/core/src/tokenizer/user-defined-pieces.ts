/** Pieces that stay whole wherever they stand in a text. At each place the longest one counts. */
export class UserDefinedPieces {
  readonly #pieces: Set<string>;
  /** By first UTF-16 unit: the different lengths of the pieces that begin with it, descending. */
  readonly #lengths = new Map<string, Set<number>>();

  constructor(pieces: readonly string[]) {
    this.#pieces = new Set(pieces);
    for (const piece of pieces.toSorted((a, b) => b.length - a.length)) {
      const lengths = this.#lengths.get(piece.charAt(0)) ?? new Set();
      this.#lengths.set(piece.charAt(0), lengths.add(piece.length));
    }
  }

  /** Of the longest piece at a place in the text; 0 if none is there. */
  lengthAt(text: string, at: number): number {
    for (const length of this.#lengths.get(text.charAt(at)) ?? []) {
      if (at + length <= text.length && this.#pieces.has(text.slice(at, at + length)))
        return length;
    }
    return 0;
  }
}
