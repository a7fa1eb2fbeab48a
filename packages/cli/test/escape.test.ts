import { test } from "uvu";
import * as assert from "uvu/assert";
import * as fc from "fast-check";
import { escapeLine, escapeText, shortened } from "../src/output/escape.ts";
import { log } from "../src/output/log.ts";

test("controls, separators and marks of direction are shown, not obeyed", () => {
  assert.is(escapeLine("a\nb\tc\rd\0"), "a\\nb\\tc\\rd\\0");
  assert.is(escapeLine("\x1b[31m\x7f\x9b"), "\\x1b[31m\\x7f\\x9b");
  assert.is(escapeLine("\u2028\u202e\u2066"), "\\u2028\\u202e\\u2066");
});

test("letters of every script, emoji and their joiners stay", () => {
  const text = "¡Ñandú! 日本語 عربي עברית e\u0301 👩‍👩‍👧‍👦 \\";
  assert.is(escapeLine(text), text);
});

test("a text keeps its lines and tabs, a line does not", () => {
  assert.is(escapeText("a\n\tb\x1b"), "a\n\tb\\x1b");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.not.match(escapeLine(text), /\p{Cc}/u);
      assert.not.match(escapeText(text).replace(/[\n\t]/g, ""), /\p{Cc}/u);
    }),
  );
});

test("a long text loses its middle", () => {
  assert.is(shortened("short", 10), "short");
  const text = shortened(`begin${"x".repeat(200_000)}end`, 100);
  assert.match(text, /^beginx+ \.\.\. \(199908 characters\) \.\.\. x+end$/);
});

test("no line of a log can be forged", () => {
  const written: string[] = [];
  const { stderr } = process;
  const own = Object.getOwnPropertyDescriptor(stderr, "write");
  stderr.write = (text) => written.push(String(text)) > 0;
  try {
    log.error("a\nerror: forged", "hint: b\x1b[31m");
    log.info(`model\n${"x".repeat(200_000)}`);
  } finally {
    if (own === undefined) Reflect.deleteProperty(stderr, "write");
    else Object.defineProperty(stderr, "write", own);
  }
  const [error = "", info = ""] = written;
  assert.is(error, "error: a\\nerror: forged\nhint: b\\x1b[31m\n");
  assert.is(info.split("\n").length, 2);
  assert.ok(info.length < 3000);
});

test.run();
