import { test } from "uvu";
import * as assert from "uvu/assert";
import * as fc from "fast-check";
import { escapeLine, escapeText } from "../src/output/escape.ts";

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

test.run();
