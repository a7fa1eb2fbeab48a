/** Decoding id by id gives the text in whole characters, whatever the ids. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readTokenizer } from "../src/tokenizer/read-tokenizer.ts";
import { expectError } from "./support/expect-error.ts";
import { fixture } from "./support/fixtures.ts";
import { TEXTS } from "./support/texts.ts";

const tokenizer = await readTokenizer(fixture("llama2-tokenizer.model"));

/** The id of a byte piece: in Llama 2's vocabulary they begin behind <unk>, <s> and </s>. */
const byteId = (byte: number): number => byte + 3;

function idOf(piece: string): number {
  const id = tokenizer.vocabulary.pieces.indexOf(piece);
  if (id === -1) throw new Error(`no piece ${piece}`);
  return id;
}

test("pieces add up to the text, and none has half a character", () => {
  for (const text of TEXTS) {
    const decoder = tokenizer.stream();
    const parts = tokenizer.encode(text).map((id) => decoder.push(id));
    assert.is(decoder.flush(), "", JSON.stringify(text));
    assert.is(parts.join(""), text.replaceAll("▁", " "));
    for (const part of parts) {
      assert.not.match(part, /\p{Surrogate}/u);
      if (!text.includes("\uFFFD")) assert.not.ok(part.includes("\uFFFD"), JSON.stringify(text));
    }
  }
});

test("a character in four bytes comes with its last one", () => {
  const decoder = tokenizer.stream();
  const parts = [...Buffer.from("🦙")].map((byte) => decoder.push(byteId(byte)));
  assert.equal(parts, ["", "", "", "🦙"]);
});

test("bytes that make no character become U+FFFD as soon as that is known", () => {
  const decoder = tokenizer.stream({ continues: true });
  assert.is(decoder.push(byteId(0x80)), "\uFFFD", "a continuation of nothing");
  assert.is(decoder.push(byteId(0xe2)), "");
  assert.is(decoder.push(byteId(0x82)), "");
  assert.is(decoder.push(idOf("▁the")), "\uFFFD the", "a piece cuts a character short");
  assert.is(decoder.push(byteId(0xf0)), "");
  assert.is(decoder.push(tokenizer.eosId), "", "a control token is no text");
  assert.is(decoder.flush(), "\uFFFD", "the end cuts a character short");
  assert.is(decoder.flush(), "");
  assert.is(decoder.push(byteId(0x41)), "A", "and it can go on");
});

test("the space that encoding adds is dropped once, at the beginning of a text alone", () => {
  const the = idOf("▁the");
  const push = (ids: number[], continues: boolean): string => {
    const decoder = tokenizer.stream({ continues });
    return ids.map((id) => decoder.push(id)).join("");
  };
  assert.is(push([the, the], false), "the the");
  assert.is(push([tokenizer.bosId, the], false), "the", "BOS is not the beginning");
  assert.is(push([the, the], true), " the the");
  assert.is(push([idOf("▁▁▁▁"), the], false), "    the", "of several spaces one was added");
  assert.is(push([byteId(0x41), the], false), "A the");
  assert.is(push([idOf("the"), the], false), "the the");
});

test("a byte order mark is text", () => {
  assert.is(tokenizer.decode([...Buffer.from("\uFEFFa")].map(byteId)), "\uFEFFa");
});

test("ids that the vocabulary does not have are refused", async () => {
  for (const id of [-1, 32_000, 1.5, Number.NaN]) {
    await expectError("INVALID_ARGUMENT", ["token id below 32000", `got ${id}`], () =>
      tokenizer.decode([id]),
    );
  }
});

test("any ids give what a decoder of their bytes gives", () => {
  const bytes = fc.integer({ min: 3, max: 258 });
  const ids = fc.array(fc.oneof(bytes, fc.integer({ min: 259, max: 31_999 })), { maxLength: 40 });
  fc.assert(
    fc.property(ids, (some) => {
      const all = some.map((id) => {
        const piece = tokenizer.vocabulary.pieces[id] ?? "";
        return id < 259 ? Uint8Array.of(id - 3) : Buffer.from(piece.replaceAll("▁", " "));
      });
      const expected = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(all));
      const decoder = tokenizer.stream({ continues: true });
      assert.is(some.map((id) => decoder.push(id)).join("") + decoder.flush(), expected);
    }),
    { numRuns: 2000, seed: 1 },
  );
});

test.run();
