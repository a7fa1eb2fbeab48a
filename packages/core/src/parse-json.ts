/**
 * JSON that people have written: with a byte order mark in front, as some editors save it, and with errors
 * that say where. UTF-16, which PowerShell's `>` writes, is read, too.
 */

/** @throws SyntaxError with line, column and what is wrong there. */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decodeText(bytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(describe(text), { cause: error });
  }
}

/** UTF-8, or UTF-16 with a byte order mark. The mark is no part of the text. */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  return new TextDecoder("utf-8").decode(bytes);
}

function describe(text: string): string {
  if (text.trim() === "") return "it is no JSON, it is empty";
  const at = positionOfMistake(text);
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const column = at - before.lastIndexOf("\n");
  return `it is no JSON at line ${line}, column ${column}: ${reason(before, text.slice(at))}`;
}

/** Of the first character that cannot be there. V8 names it for some mistakes alone, in ever other words. */
function positionOfMistake(text: string): number {
  let [good, bad] = [0, text.length + 1];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (mayGoOn(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

/** Whether it is JSON, or its beginning. */
function mayGoOn(start: string): boolean {
  try {
    JSON.parse(start);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    const [, position] = /at position (\d+)/.exec(message) ?? [];
    return /end of JSON|Unterminated/.test(message) || Number(position) === start.length;
  }
}

function reason(before: string, after: string): string {
  if (after === "") return "the text ends before the JSON does";
  if (/,\s*$/.test(before) && /^[}\]]/.test(after)) return "a comma before it has nothing after it";
  if (/^(\/\/|\/\*|#)/.test(after)) return "JSON has no comments";
  if (/^['\u2018\u2019\u201c\u201d]/u.test(after)) return 'texts stand in "double quotes"';
  return `${JSON.stringify(String.fromCodePoint(after.codePointAt(0) ?? 0))} was not expected here`;
}
