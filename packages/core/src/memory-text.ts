/** Sizes of memory in messages for people. */

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** `1.42 GiB`, or MiB below one of it. */
export function memoryText(nBytes: number): string {
  return nBytes >= GIB ? `${(nBytes / GIB).toFixed(2)} GiB` : `${(nBytes / MIB).toFixed(1)} MiB`;
}
