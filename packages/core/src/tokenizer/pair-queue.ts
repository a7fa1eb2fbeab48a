/**
 * A binary heap of pairs of neighbouring symbols: the lowest key comes out first. Keys and values lie
 * in plain arrays of numbers, so that a pair costs no object.
 */
export class PairQueue {
  readonly #keys: number[] = [];
  readonly #values: number[] = [];

  get size(): number {
    return this.#keys.length;
  }

  push(key: number, value: number): void {
    let at = this.#keys.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#key(parent) <= key) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#keys[at] = key;
    this.#values[at] = value;
  }

  /** Of a queue that is not empty. */
  pop(): { key: number; value: number } {
    const first = { key: this.#key(0), value: this.#values[0] ?? 0 };
    const key = this.#keys.pop() ?? 0;
    const value = this.#values.pop() ?? 0;
    const size = this.#keys.length;
    if (size === 0) return first;
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && this.#key(child + 1) < this.#key(child)) child++;
      if (key <= this.#key(child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#keys[at] = key;
    this.#values[at] = value;
    return first;
  }

  #key(at: number): number {
    return this.#keys[at] ?? Number.POSITIVE_INFINITY;
  }

  #move(from: number, to: number): void {
    this.#keys[to] = this.#keys[from] ?? 0;
    this.#values[to] = this.#values[from] ?? 0;
  }
}
