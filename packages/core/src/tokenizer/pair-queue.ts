/**
 * A binary heap of pairs of neighbouring symbols: the highest score comes out first, of equal ones the
 * leftmost. They lie in plain arrays of numbers, so that a pair costs no object.
 */
export class PairQueue {
  readonly #scores: number[] = [];
  /** Where a pair begins. */
  readonly #lefts: number[] = [];
  /** Where it ends. */
  readonly #ends: number[] = [];

  get size(): number {
    return this.#scores.length;
  }

  push(score: number, left: number, end: number): void {
    let at = this.#scores.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBehind(parent, score, left)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#set(at, score, left, end);
  }

  /** Of a queue that is not empty. */
  pop(): { left: number; end: number } {
    const first = { left: this.#lefts[0] ?? 0, end: this.#ends[0] ?? 0 };
    const score = this.#scores.pop() ?? 0;
    const left = this.#lefts.pop() ?? 0;
    const end = this.#ends.pop() ?? 0;
    const size = this.#scores.length;
    if (size === 0) return first;
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      const right = child + 1;
      if (
        right < size &&
        this.#isBehind(child, this.#scores[right] ?? 0, this.#lefts[right] ?? 0)
      ) {
        child = right;
      }
      if (this.#isBehind(child, score, left)) break;
      this.#move(child, at);
      at = child;
    }
    this.#set(at, score, left, end);
    return first;
  }

  /** Whether the pair in a place comes out after one of this score and beginning. */
  #isBehind(at: number, score: number, left: number): boolean {
    const other = this.#scores[at] ?? 0;
    return other < score || (other === score && (this.#lefts[at] ?? 0) > left);
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#scores[from] ?? 0, this.#lefts[from] ?? 0, this.#ends[from] ?? 0);
  }

  #set(at: number, score: number, left: number, end: number): void {
    this.#scores[at] = score;
    this.#lefts[at] = left;
    this.#ends[at] = end;
  }
}
