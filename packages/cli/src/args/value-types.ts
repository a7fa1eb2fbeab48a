/**
 * How the text of one argument becomes a value. A type says in words what it expects, so that an
 * error and the help text cannot disagree with what is accepted.
 */

export interface ValueType<T> {
  /** Completes "expects ...", for instance "a whole number of 1 or more". */
  readonly expected: string;
  /**
   * The accepted words, where there is a fixed set: help shows them, a typing error gets the
   * nearest.
   */
  readonly choices?: readonly string[];
  /** What else is accepted, as help shows it behind the words. */
  readonly example?: string;
  /** The value, or undefined when the text is not one. */
  read(text: string): T | undefined;
}

/** From `min`, or from just above `above`, to `max`. */
type Range = ({ min: number } | { above: number }) & { max?: number };

function inRange(value: number, range: Range): number | undefined {
  const isEnough = "min" in range ? value >= range.min : value > range.above;
  return isEnough && value <= (range.max ?? Number.MAX_SAFE_INTEGER) ? value : undefined;
}

function describeRange(range: Range): string {
  const { max } = range;
  if ("above" in range) return `above ${range.above}${max === undefined ? "" : `, at most ${max}`}`;
  return max === undefined ? `of ${range.min} or more` : `from ${range.min} to ${max}`;
}

/** Decimal digits only: `1e3`, `0x10` and `5.0` are refused rather than guessed at. */
export function wholeNumber(range: Range): ValueType<number> {
  return {
    expected: `a whole number ${describeRange(range)}`,
    read: (text) => (/^[+-]?\d+$/.test(text) ? inRange(Number(text), range) : undefined),
  };
}

/** As in llama.cpp, -1 asks for what happens without the flag. */
export function orMinusOne(type: ValueType<number>): ValueType<number> {
  return {
    expected: `${type.expected}, or -1`,
    read: (value) => (value === "-1" ? -1 : type.read(value)),
  };
}

export function decimalNumber(range: Range): ValueType<number> {
  return {
    expected: `a number ${describeRange(range)}`,
    read: (text) =>
      /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? inRange(Number(text), range) : undefined,
  };
}

/** One of a few words, in any case. `synonyms` are spellings that people know from other tools. */
export function choice<const T extends string>(
  choices: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
): ValueType<T> {
  return {
    expected: choices.length === 2 ? choices.join(" or ") : `one of ${choices.join(", ")}`,
    choices,
    read(text) {
      const word = text.toLowerCase();
      return (
        choices.find((known) => known === word) ??
        (Object.hasOwn(synonyms, word) ? synonyms[word] : undefined)
      );
    },
  };
}

/** Any text, the empty one too. */
export const text: ValueType<string> = { expected: "a text", read: (value) => value };

export const path: ValueType<string> = {
  expected: "a path",
  // A NUL ends a path for the system's calls.
  read: (value) => (value === "" || value.includes("\0") ? undefined : value),
};

const UNITS: Readonly<Record<string, number>> = {
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
};

/** Bytes: a number with a unit, `2gib`, `1.5 GB`, `800MiB`. */
export const byteSize: ValueType<number> = {
  expected: "a size such as 2gib or 1500mb",
  read(value) {
    const parts = /^(\d+(?:\.\d+)?)\s*([kmgt]i?b)$/i.exec(value);
    const nBytes = Math.floor(Number(parts?.[1]) * (UNITS[parts?.[2]?.toLowerCase() ?? ""] ?? 0));
    return Number.isSafeInteger(nBytes) && nBytes > 0 ? nBytes : undefined;
  },
};
