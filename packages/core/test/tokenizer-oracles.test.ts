/** Ids and texts are equal to those of independent implementations, on Llama 2's own vocabulary. */
import { SentencePieceProcessor } from "@agnai/sentencepiece-js";
import llamaTokenizer from "llama-tokenizer-js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readTokenizer } from "../src/tokenizer/read-tokenizer.ts";
import { expectedAnswers, fixture } from "./support/fixtures.ts";
import { LONE_SURROGATES, TEXTS } from "./support/texts.ts";

const path = fixture("llama2-tokenizer.model");

test("SentencePiece itself gives equal ids and texts", async () => {
  const tokenizer = await readTokenizer(path);
  const oracle = new SentencePieceProcessor();
  await oracle.load(path);
  assert.ok(TEXTS.length > 400);
  assert.ok(new Set(TEXTS).size > 400, "the texts differ");
  for (const text of TEXTS) {
    const ids = tokenizer.encode(text);
    assert.equal(ids, oracle.encodeIds(text), JSON.stringify(text));
    // The binding's conversion to JavaScript takes U+FEFF at the beginning of a long text for a byte order mark.
    const withoutMark = (decoded: string): string => decoded.replace(/^\uFEFF/, "");
    assert.is(
      withoutMark(tokenizer.decode(ids)),
      withoutMark(oracle.decodeIds(ids)),
      JSON.stringify(text),
    );
  }
});

test("a second implementation gives equal ids", async () => {
  const tokenizer = await readTokenizer(path);
  for (const text of TEXTS) {
    // It knows no empty text: it gives the space that is put in front of one.
    const expected = text === "" ? [] : llamaTokenizer.encode(text, false);
    assert.equal(tokenizer.encode(text), expected, JSON.stringify(text));
  }
});

test("lone surrogates become U+FFFD", async () => {
  // SentencePiece takes UTF-8, which has no surrogates, so that the oracles are given what becomes of them there.
  // (The binding's own conversion joins a lone surrogate with whatever follows it.)
  const tokenizer = await readTokenizer(path);
  const oracle = new SentencePieceProcessor();
  await oracle.load(path);
  for (const text of LONE_SURROGATES) {
    const converted = new TextDecoder().decode(new TextEncoder().encode(text));
    assert.match(converted, /\uFFFD/);
    const ids = tokenizer.encode(text);
    assert.equal(ids, oracle.encodeIds(converted), JSON.stringify(text));
    assert.equal(ids, llamaTokenizer.encode(converted, false), JSON.stringify(text));
    assert.is(tokenizer.decode(ids), converted);
  }
});

test("decoding returns the text", async () => {
  const tokenizer = await readTokenizer(path);
  // A mark for spaces that stands in the text itself is the one thing that comes back changed.
  for (const text of TEXTS)
    assert.is(tokenizer.decode(tokenizer.encode(text)), text.replaceAll("▁", " "));
});

test("100 kB of one letter, of spaces and of prose come back, and match the oracle", async () => {
  const tokenizer = await readTokenizer(path);
  const oracle = new SentencePieceProcessor();
  await oracle.load(path);
  const { story } = expectedAnswers();
  for (const text of [
    "a".repeat(100_000),
    " ".repeat(100_000),
    story.repeat(Math.ceil(100_000 / story.length)),
  ]) {
    const ids = tokenizer.encode(text);
    assert.is(tokenizer.decode(ids), text);
    assert.equal(ids, oracle.encodeIds(text));
  }
});

test("the answers of stories260K, from both of its vocabulary files", async () => {
  const { prompt, prompt_ids, story, story_ids, f32 } = expectedAnswers();
  for (const name of ["tok512.bin", "stories260K/meta/tokenizer.model"]) {
    const tokenizer = await readTokenizer(fixture(name));
    assert.equal([tokenizer.bosId, ...tokenizer.encode(prompt)], prompt_ids);
    assert.equal([tokenizer.bosId, ...tokenizer.encode(story)], story_ids);
    assert.is(tokenizer.decode(story_ids), story);
    assert.is(tokenizer.decode([...prompt_ids, ...f32.greedy_ids]), f32.greedy_text);
  }
});

test.run();
