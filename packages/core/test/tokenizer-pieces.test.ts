/** What makes encoding quick gives the same answers: the table of pieces, and the words that are remembered. */

import { test } from "uvu";
import * as assert from "uvu/assert";

import { PieceTable } from "../src/tokenizer/piece-table.ts";
import { readTokenizer } from "../src/tokenizer/read-tokenizer.ts";
import { PIECE_TYPES } from "../src/tokenizer/vocabulary.ts";
import type { Vocabulary } from "../src/tokenizer/vocabulary.ts";
import { fixture } from "./support/fixtures.ts";
import { TEXTS } from "./support/texts.ts";

function vocabularyOf(pieces: string[], types: Record<number, number> = {}): Vocabulary {
  return {
    pieces,
    scores: new Float32Array(pieces.length),
    types: Int32Array.from(pieces, (_, id) => types[id] ?? PIECE_TYPES.normal),
    unkId: 0,
    bosId: 0,
    eosId: 0,
    addBos: true,
    addDummyPrefix: false,
    removeExtraWhitespaces: false,
  };
}

test("every piece of Llama 2 is found wherever it stands, and nothing else is", async () => {
  const { vocabulary } = await readTokenizer(fixture("llama2-tokenizer.model"));
  const table = await PieceTable.of(vocabulary);
  const ids = new Map<string, number>();
  for (const [id, piece] of vocabulary.pieces.entries()) {
    if (vocabulary.types[id] === PIECE_TYPES.normal && !ids.has(piece)) ids.set(piece, id);
  }
  assert.is(table.longest, Math.max(...[...ids.keys()].map((piece) => piece.length)));
  for (const [piece, id] of ids) {
    assert.is(table.idAt(`x${piece}y`, 1, 1 + piece.length), id);
    assert.is(table.idAt(piece, 0, piece.length - 1), ids.get(piece.slice(0, -1)) ?? -1);
    for (let at = 1; at < piece.length; at++) {
      assert.ok(table.mayJoin(piece.charCodeAt(at - 1), piece.charCodeAt(at)), piece);
    }
  }
  assert.is(table.idAt("<s>", 0, 3), -1, "a control piece");
  assert.not.ok(table.mayJoin(0x65e5, 0xd55c), "日 and 한 stand side by side in no piece");
});

test("of equal pieces the first counts; empty, control and unused ones do not", async () => {
  const { control, unused, userDefined } = PIECE_TYPES;
  const pieces = ["", "a", "a", "b", "c", "d"];
  const table = await PieceTable.of(
    vocabularyOf(pieces, { 3: control, 4: unused, 5: userDefined }),
  );
  assert.equal(
    Array.from("abcd", (letter) => table.idAt(letter, 0, 1)),
    [1, -1, -1, 5],
  );
  assert.is(table.idAt("a", 1, 1), -1);
  assert.is((await PieceTable.of(vocabularyOf([]))).idAt("a", 0, 1), -1);
});

test("words that are remembered or forgotten have the same ids", async () => {
  const first = await readTokenizer(fixture("llama2-tokenizer.model"));
  const expected = TEXTS.map((text) => first.encode(text));
  // More words than are remembered at a time.
  first.encode(Array.from({ length: 20_000 }, (_, n) => `word${n}`).join(" "));
  for (const [index, text] of TEXTS.entries()) assert.equal(first.encode(text), expected[index]);
});

test.run();
