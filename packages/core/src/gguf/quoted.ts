/** A name from a file as errors show it: files may have names of 64 KiB. */

const MAX_CHARACTERS = 80;

export function quoted(name: string): string {
  if (name.length <= MAX_CHARACTERS) return JSON.stringify(name);
  return `${JSON.stringify(name.slice(0, MAX_CHARACTERS))}...`;
}
