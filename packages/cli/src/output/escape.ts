/**
 * Makes text from outside safe to print on one line: a model, a file name or a peer's message may
 * hold line breaks or the escape sequences that steer a terminal.
 */

// Controls (C0, DEL, C1), line and paragraph separators, and the marks that reorder the text around
// them.
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;

const NAMES: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\0": "\\0",
};

export function escapeLine(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** As escapeLine, but line breaks and tabs stay: for a text of several lines on a terminal. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (char) =>
    char === "\n" || char === "\t" ? char : escapeCharacter(char),
  );
}

/** Files and peers may send texts of megabytes; nobody reads them on a terminal. */
const MAX_CHARACTERS = 2000;

/** The text, without its middle where it is very long. */
export function shortened(text: string, max = MAX_CHARACTERS): string {
  if (text.length <= max) return text;
  const half = Math.floor(max / 2);
  const left = text.length - 2 * half;
  return `${text.slice(0, half)} ... (${left} characters) ... ${text.slice(-half)}`;
}

function escapeCharacter(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return (
    NAMES[char] ?? (code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`)
  );
}
