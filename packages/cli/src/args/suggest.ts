/** "Did you mean": the known word nearest to a typed one, or none when nothing is near. */

/** `--maxSeqLen`, `--max_seq_len` and `--MAX-SEQ-LEN` are the same word to a person. */
function normalise(word: string): string {
  return word
    .replace(/([a-z])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();
}

export function nearest(typed: string, known: Iterable<string>): string | undefined {
  const word = normalise(typed);
  const nLetters = word.replace(/^-+/, "").length;
  // Every letter is near every other.
  if (nLetters < 2) return undefined;
  // A third of the letters may differ: more would suggest words that share only their length.
  let best = Math.max(1, Math.floor(nLetters / 3)) + 1;
  let found: string | undefined;
  for (const candidate of known) {
    const distance = editDistance(word, normalise(candidate));
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found ?? startOf(word, known);
}

/** The only known word that begins with what was typed, as `--max` begins `--max-seq-len`. */
function startOf(word: string, known: Iterable<string>): string | undefined {
  const matches = [...known].filter((candidate) => candidate.startsWith(word));
  return matches.length === 1 ? matches[0] : undefined;
}

/** A cost of the table below; outside of it nothing is reachable. */
function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours that turn a into b (optimal string
 * alignment).
 */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          at(previous, j) + 1,
          at(row, j - 1) + 1,
          at(previous, j - 1) + (isSame ? 0 : 1),
          isSwap ? at(beforePrevious, j - 2) + 1 : Infinity,
        ),
      );
    }
    beforePrevious = previous;
    previous = row;
  }
  return at(previous, b.length);
}
