/** JSON as people save it, and where a mistake in it is. */

import { test } from "uvu";
import * as assert from "uvu/assert";

import { decodeText, parseJson } from "../src/parse-json.ts";

const JSON_TEXT = '{\r\n  "dim": 64,\r\n  "name": "é"\r\n}\r\n';
const VALUE = { dim: 64, name: "é" };

test("byte order marks and line ends of other systems are no part of the text", () => {
  assert.equal(parseJson(Buffer.from(JSON_TEXT)), VALUE);
  assert.equal(parseJson(Buffer.from(`\ufeff${JSON_TEXT}`)), VALUE);
  const little = Buffer.from(`\ufeff${JSON_TEXT}`, "utf16le");
  assert.equal(parseJson(little), VALUE);
  assert.equal(parseJson(Buffer.from(little).swap16()), VALUE);
  assert.is(decodeText(Buffer.from("\ufefftoken")), "token");
  assert.is(
    decodeText(Buffer.from("to\ufeffken")),
    "to\ufeffken",
    "in the middle it is a character",
  );
});

for (const [what, text, ...told] of [
  ["a comma at the end of an object", '{\n  "a": 1,\n}', "line 3, column 1", "comma"],
  ["a comma at the end of a list", "[1, 2,]", "line 1, column 7", "comma"],
  ["a comment", '{\n  // why\n  "a": 1}', "line 2, column 3", "comments"],
  ["single quotes", "{'a': 1}", "line 1, column 2", "double quotes"],
  ["typographic quotes", "{\u201ca\u201d: 1}", "line 1, column 2", "double quotes"],
  ["half of it", '{"a": 1,\n', "line 2, column 1", "ends before"],
  ["nothing", " \n", "empty"],
  ["a page", "<html>", "line 1, column 1", '"<"'],
] as const) {
  test(`${what} is named`, () => {
    try {
      parseJson(Buffer.from(text));
    } catch (error) {
      const message = error instanceof SyntaxError ? error.message : String(error);
      for (const part of told) assert.ok(message.includes(part), `${message} lacks ${part}`);
      return;
    }
    assert.unreachable();
  });
}

test.run();
