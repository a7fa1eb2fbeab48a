/** Memory as the engine cuts it: into parts that begin on a cache line. */

const ALIGNMENT = 64;

export class Region {
  end = 0;

  place(nBytes: number): void {
    this.end = align(this.end) + nBytes;
  }
}

export function align(nBytes: number): number {
  return Math.ceil(nBytes / ALIGNMENT) * ALIGNMENT;
}
