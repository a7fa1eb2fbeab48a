/** Vocabularies of every source and with every flag, against SentencePiece where it reads them, and the lies they can tell. */
import { SentencePieceProcessor } from "@agnai/sentencepiece-js";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DllamaError } from "../src/errors.ts";
import { encodeGgufHeader } from "../src/gguf/encode-header.ts";
import { readGguf } from "../src/gguf/read-gguf.ts";
import type { GgufValue } from "../src/gguf/value.ts";
import { tokenizerFromGguf } from "../src/tokenizer/gguf-vocabulary.ts";
import { readTokenizer } from "../src/tokenizer/read-tokenizer.ts";
import type { Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { expectError } from "./support/expect-error.ts";
import { fixture } from "./support/fixtures.ts";
import {
  BYTE_PIECES,
  CONTROL,
  float,
  integer,
  message,
  NORMAL,
  sentencePieceModel,
  UNUSED,
  USER_DEFINED,
  varint,
} from "./support/sentencepiece-bytes.ts";
import type { ModelOptions, Piece } from "./support/sentencepiece-bytes.ts";
import { folder, temporaryFile } from "./support/temporary-files.ts";
import { TEXTS } from "./support/texts.ts";

const BYTE_FALLBACK = integer(35, 1);
const BPE = integer(3, 2);

const LETTERS: Piece[] = Array.from("▁abcdxyz", (letter, i) => [letter, -100 - i, NORMAL]);
/** `ab` and `bc` have equal scores, so that the leftmost is merged first; `abc` can only come from them. */
const WORDS: Piece[] = [
  ["ab", -1, NORMAL],
  ["bc", -1, NORMAL],
  ["abc", -5, NORMAL],
  ["▁a", -3, NORMAL],
  ["▁▁", -2, NORMAL],
];

const LETTER_TEXTS = [
  "",
  " ",
  "   ",
  "abc",
  "bcab",
  "abcabc  abcd",
  " a  bc ",
  "aaa bbb ccc",
  "xyzzy abc",
  "  abab  bcbc  ",
];

/** Asserts that ids and texts are those of SentencePiece. */
async function matchesSentencePiece(
  options: ModelOptions,
  texts: readonly string[],
): Promise<void> {
  const path = temporaryFile(sentencePieceModel(options));
  const tokenizer = await readTokenizer(path);
  const oracle = new SentencePieceProcessor();
  await oracle.load(path);
  for (const text of texts) {
    const ids = tokenizer.encode(text);
    assert.equal(ids, oracle.encodeIds(text), JSON.stringify(text));
    assert.is(tokenizer.decode(ids), oracle.decodeIds(ids), JSON.stringify(text));
  }
}

test("without byte pieces, unknown characters in a row are one unknown id", async () => {
  const pieces = [...LETTERS, ...WORDS];
  await matchesSentencePiece({ pieces }, [
    ...LETTER_TEXTS,
    "aQb",
    "QRS",
    "a日本b語",
    "Q Q",
    "abQQcd",
  ]);
  const tokenizer = await readTokenizer(temporaryFile(sentencePieceModel({ pieces })));
  assert.equal(tokenizer.encode("QRS"), [3, 0]);
});

test("with byte pieces, unknown characters become bytes", async () => {
  const pieces = [...BYTE_PIECES, ...LETTERS, ...WORDS];
  await matchesSentencePiece({ pieces, trainer: [BPE, BYTE_FALLBACK] }, [
    ...LETTER_TEXTS,
    "aQb",
    "日本",
    "a\0b",
  ]);
});

test("no space in front where the model says so", async () => {
  const pieces = [...LETTERS, ...WORDS];
  await matchesSentencePiece({ pieces, normalizer: [integer(3, 0), integer(4, 0)] }, LETTER_TEXTS);
});

test("extra spaces are removed where the model says so", async () => {
  const pieces = [...LETTERS, ...WORDS];
  await matchesSentencePiece({ pieces, normalizer: [] }, LETTER_TEXTS);
  await matchesSentencePiece({ pieces, normalizer: [integer(3, 0), integer(4, 1)] }, LETTER_TEXTS);
});

test("user-defined pieces are never taken apart", async () => {
  const userDefined: Piece[] = [
    ["bca", 0, USER_DEFINED],
    ["bc▁", 0, USER_DEFINED],
    ["bcab", 0, USER_DEFINED],
    ["<x>", 0, USER_DEFINED],
  ];
  const texts = [...LETTER_TEXTS, "abcabd", "<x>", "a<x>b<x><x>", "abc abc"];
  await matchesSentencePiece({ pieces: [...LETTERS, ...WORDS, ...userDefined] }, texts);
});

test("of many user-defined pieces the longest counts", async () => {
  // SentencePiece's own limit is 64 that begin alike.
  const runs: Piece[] = Array.from({ length: 50 }, (_, i) => ["a".repeat(i + 2), 0, USER_DEFINED]);
  await matchesSentencePiece({ pieces: [...LETTERS, ...runs] }, ["a".repeat(3000), "baab", "a a"]);
});

test("control, unknown and unused pieces never come from text", async () => {
  const pieces: Piece[] = [
    ...LETTERS,
    ...WORDS,
    ["xy", 0, CONTROL],
    ["z", 0, CONTROL],
    ["cd", 0, UNUSED],
  ];
  const tokenizer = await readTokenizer(temporaryFile(sentencePieceModel({ pieces })));
  const ids = tokenizer.encode("xyz <s> </s> <unk> cd");
  for (const id of ids) assert.not.ok([1, 2, 16, 17, 18].includes(id), `${id}`);
});

test("llama2.c's file holds the same vocabulary as SentencePiece's", async () => {
  const fromBin = await readTokenizer(fixture("tok512.bin"));
  const fromModel = await readTokenizer(fixture("stories260K/meta/tokenizer.model"));
  assert.is(fromBin.vocabSize, 512);
  assert.equal(fromBin.vocabulary, fromModel.vocabulary);
});

/** A model file's metadata with Llama 2's vocabulary; `changes` replace keys, or remove them. */
async function ggufTokenizer(
  changes: Record<string, GgufValue | undefined> = {},
): Promise<Tokenizer> {
  const { vocabulary } = await readTokenizer(fixture("llama2-tokenizer.model"));
  const entries: Record<string, GgufValue | undefined> = {
    model: { type: "string", value: "llama" },
    tokens: { type: "array", of: "string", value: vocabulary.pieces },
    scores: { type: "array", of: "float32", value: vocabulary.scores },
    token_type: { type: "array", of: "int32", value: vocabulary.types },
    ...changes,
  };
  const metadata = new Map<string, GgufValue>();
  for (const [key, value] of Object.entries(entries)) {
    if (value !== undefined) metadata.set(`tokenizer.ggml.${key}`, value);
  }
  return tokenizerFromGguf(
    await readGguf(temporaryFile(encodeGgufHeader({ metadata, tensors: [] }).header)),
  );
}

test("a GGUF file holds the same vocabulary", async () => {
  const fromModel = await readTokenizer(fixture("llama2-tokenizer.model"));
  const fromGguf = await ggufTokenizer();
  assert.is(fromGguf.vocabSize, 32_000);
  assert.is(fromGguf.addBos, true);
  for (const text of TEXTS) assert.equal(fromGguf.encode(text), fromModel.encode(text));
});

test("a GGUF file's ids and flags are obeyed", async () => {
  const tokenizer = await ggufTokenizer({
    bos_token_id: { type: "uint32", value: 5 },
    eos_token_id: { type: "uint64", value: 6n },
    add_bos_token: { type: "bool", value: false },
    add_space_prefix: { type: "bool", value: false },
  });
  assert.is(tokenizer.bosId, 5);
  assert.is(tokenizer.eosId, 6);
  assert.is(tokenizer.addBos, false);
  assert.is(tokenizer.decode(tokenizer.encode(" a")), " a");
  assert.not.equal(tokenizer.encode("the"), (await ggufTokenizer()).encode("the"));
});

test("a GGUF file's lies", async () => {
  const malformed = (
    pattern: string,
    changes: Record<string, GgufValue | undefined>,
  ): Promise<DllamaError> =>
    expectError("TOKENIZER_MALFORMED", [pattern, "expected", "got"], () => ggufTokenizer(changes));
  const int32s = (length: number, value: number): GgufValue => ({
    type: "array",
    of: "int32",
    value: new Int32Array(length).fill(value),
  });
  await expectError("TOKENIZER_UNSUPPORTED", ['"gpt2"'], () =>
    ggufTokenizer({ model: { type: "string", value: "gpt2" } }),
  );
  await malformed("tokenizer.ggml.model", { model: undefined });
  await malformed("tokenizer.ggml.tokens", { tokens: undefined });
  await malformed("got an array of int32", { tokens: int32s(32_000, 1) });
  await malformed("got string tokens", { tokens: { type: "string", value: "tokens" } });
  await malformed("tokenizer.ggml.scores", { scores: undefined });
  await malformed("tokenizer.ggml.token_type", { token_type: undefined });
  await malformed("each of 32000 pieces, got 31999 and 32000", {
    scores: { type: "array", of: "float32", value: new Float32Array(31_999) },
  });
  await malformed("each of 32000 pieces, got 32000 and 32001", { token_type: int32s(32_001, 1) });
  await malformed("got 257", { token_type: int32s(32_000, 257) });
  await malformed("got NaN", {
    scores: { type: "array", of: "float32", value: new Float32Array(32_000).fill(Number.NaN) },
  });
  await malformed("below 32000 for EOS, got 32000", {
    eos_token_id: { type: "uint32", value: 32_000 },
  });
  await malformed("got uint64 18446744073709551615", {
    bos_token_id: { type: "uint64", value: 2n ** 64n - 1n },
  });
  await malformed("got int32 -1", { unknown_token_id: { type: "int32", value: -1 } });
});

/** Asserts that a `tokenizer.model` of these bytes is refused. */
function refused(
  name: string,
  code: "TOKENIZER_MALFORMED" | "TOKENIZER_UNSUPPORTED",
  bytes: Buffer,
  ...patterns: string[]
): void {
  test(`tokenizer.model, refused: ${name}`, async () => {
    const path = temporaryFile(bytes);
    const error = await expectError(code, [path, "expected", "got", ...patterns], () =>
      readTokenizer(path),
    );
    assert.ok(error.hint);
  });
}

const PIECE = message(1, message(1, Buffer.from("a")));

refused("unigram", "TOKENIZER_UNSUPPORTED", sentencePieceModel({ trainer: [] }), "UNIGRAM");
refused("words", "TOKENIZER_UNSUPPORTED", sentencePieceModel({ trainer: [integer(3, 3)] }), "WORD");
refused(
  "another kind",
  "TOKENIZER_UNSUPPORTED",
  sentencePieceModel({ trainer: [integer(3, 77)] }),
  "77",
);
refused(
  "rewritten characters",
  "TOKENIZER_UNSUPPORTED",
  sentencePieceModel({ normalizer: [message(2, varint(5))] }),
  "rewrites",
);
refused(
  "spaces behind words",
  "TOKENIZER_UNSUPPORTED",
  sentencePieceModel({ trainer: [BPE, integer(24, 1)] }),
  "end of words",
);
refused(
  "spaces kept",
  "TOKENIZER_UNSUPPORTED",
  sentencePieceModel({ normalizer: [integer(5, 0)] }),
  "spaces as they are",
);
refused(
  "no BOS",
  "TOKENIZER_UNSUPPORTED",
  sentencePieceModel({ trainer: [BPE, integer(41, -1)] }),
  "without BOS",
);
refused(
  "BOS out of range",
  "TOKENIZER_MALFORMED",
  sentencePieceModel({ trainer: [BPE, integer(41, 3)] }),
  "below 3 for BOS, got 3",
);
refused(
  "a type of 7",
  "TOKENIZER_MALFORMED",
  sentencePieceModel({ pieces: [["a", 0, 7]] }),
  "piece 3, got 7",
);
refused(
  "a piece of 513 characters",
  "TOKENIZER_MALFORMED",
  sentencePieceModel({ pieces: [["a".repeat(513), 0, NORMAL]] }),
  "at most 512 characters, got one of 513",
);
refused(
  "a score that is no number",
  "TOKENIZER_MALFORMED",
  sentencePieceModel({ pieces: [["a", Number.NaN, NORMAL]] }),
  "NaN",
);
refused(
  "a byte missing",
  "TOKENIZER_MALFORMED",
  sentencePieceModel({ pieces: BYTE_PIECES.slice(1), trainer: [BPE, BYTE_FALLBACK] }),
  "got 255",
);
refused(
  "a byte twice",
  "TOKENIZER_MALFORMED",
  sentencePieceModel({
    pieces: [...BYTE_PIECES, ...BYTE_PIECES.slice(9, 10)],
    trainer: [BPE, BYTE_FALLBACK],
  }),
  "<0x09> twice",
);
refused(
  "a byte that is none",
  "TOKENIZER_MALFORMED",
  sentencePieceModel({ pieces: [["a", 0, 6]], trainer: [BPE, BYTE_FALLBACK] }),
  '"a"',
);
refused(
  "bytes without their flag",
  "TOKENIZER_MALFORMED",
  sentencePieceModel({ pieces: BYTE_PIECES }),
  "byte_fallback",
);
refused(
  "their flag without bytes",
  "TOKENIZER_MALFORMED",
  sentencePieceModel({ trainer: [BPE, BYTE_FALLBACK] }),
  "byte_fallback",
);
refused(
  "a score of 8 bytes",
  "TOKENIZER_MALFORMED",
  message(1, message(1, Buffer.from("a")), Buffer.concat([varint((2 << 3) | 1), Buffer.alloc(8)])),
  "4 bytes",
);
refused(
  "a length past the end",
  "TOKENIZER_MALFORMED",
  Buffer.concat([PIECE, varint((1 << 3) | 2), varint(2 ** 32 - 1)]),
  "4294967295 more bytes",
);
refused(
  "a length of 2^63",
  "TOKENIZER_MALFORMED",
  Buffer.concat([PIECE, Buffer.from([0x0a, ...Array<number>(9).fill(0xff), 1])]),
  "more bytes",
);
refused(
  "an inner length past its message",
  "TOKENIZER_MALFORMED",
  Buffer.concat([message(1, varint((1 << 3) | 2), varint(3)), PIECE]),
  "3 more bytes",
);
refused(
  "an endless integer",
  "TOKENIZER_MALFORMED",
  Buffer.concat([PIECE, Buffer.alloc(30, 0xff)]),
  "at most 10 bytes",
);
refused(
  "a group",
  "TOKENIZER_MALFORMED",
  Buffer.concat([PIECE, varint((9 << 3) | 3)]),
  "wire type",
);
refused("field 0", "TOKENIZER_MALFORMED", Buffer.concat([PIECE, varint(2)]), "number from 1");
refused(
  "a piece that is a number",
  "TOKENIZER_MALFORMED",
  Buffer.concat([PIECE, integer(1, 5)]),
  "a message",
);
refused(
  "a score without its flag",
  "TOKENIZER_UNSUPPORTED",
  message(1, message(1, Buffer.from("a")), float(2, 1)),
  "UNIGRAM",
);

test("no tokenizer: what people give instead", async () => {
  for (const [content, code, pattern] of [
    ["", "TOKENIZER_MALFORMED", "an empty file"],
    ["hello", "TOKENIZER_MALFORMED", 'begins with "hell"'],
    ['{"version": "1.0"}', "TOKENIZER_UNSUPPORTED", "tokenizer.json"],
    ["IQ== 0\nIg== 1\n", "TOKENIZER_UNSUPPORTED", "Llama 3"],
    ["GGUF\u0003\0\0\0", "TOKENIZER_UNSUPPORTED", "GGUF"],
  ] as const) {
    const error = await expectError(code, [pattern], () => readTokenizer(temporaryFile(content)));
    assert.ok(error.hint);
  }
  await expectError("FILE_NOT_FOUND", ["missing.model"], () =>
    readTokenizer(`${folder}/missing.model`),
  );
  await expectError("TOKENIZER_MALFORMED", ["no file"], () => readTokenizer(folder));
  await expectError("TOKENIZER_MALFORMED", ["got 68719476736 bytes"], () =>
    readTokenizer(temporaryFile("", 2 ** 36)),
  );
});

/** Reads a tokenizer and uses it, and lets only our own errors pass. */
async function tryTokenizer(bytes: Uint8Array): Promise<"read" | "refused"> {
  try {
    const tokenizer = await readTokenizer(temporaryFile(bytes));
    tokenizer.decode(tokenizer.encode("Once upon a time 🙂"));
    return "read";
  } catch (error) {
    if (error instanceof DllamaError) return "refused";
    throw error;
  }
}

test("llama2.c's file, refused: cut, other pieces first, lengths past the end", async () => {
  const bytes = readFileSync(fixture("tok512.bin"));
  for (const length of [5, 11, 12, 20, 4000, bytes.length - 1]) {
    const path = temporaryFile(bytes.subarray(0, length));
    await expectError("TOKENIZER_MALFORMED", [path, "expected", "got"], () => readTokenizer(path));
  }
  const renamed = Buffer.from(bytes);
  renamed[bytes.indexOf("<s>")] = 0x5b;
  await expectError("TOKENIZER_MALFORMED", ['expected "\\n<s>\\n" as piece 1'], () =>
    readTokenizer(temporaryFile(renamed)),
  );
  const long = Buffer.from(bytes);
  long.writeUInt32LE(2 ** 32 - 1, 8);
  await expectError("TOKENIZER_MALFORMED", ["expected 4294967295 bytes for piece 0"], () =>
    readTokenizer(temporaryFile(long)),
  );
});

test("every cut and any changed bytes give a tokenizer or a typed error", async () => {
  const small = sentencePieceModel({ pieces: [...LETTERS, ...WORDS] });
  for (let length = 0; length < small.length; length++)
    await tryTokenizer(small.subarray(0, length));
  let nRefused = 0;
  for (const whole of [readFileSync(fixture("tok512.bin")), small]) {
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      byte: fc.integer({ min: 0, max: 255 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const { at, byte } of changes) bytes[at] = byte;
        if ((await tryTokenizer(bytes)) === "refused") nRefused++;
      }),
      { numRuns: 500, seed: 1 },
    );
  }
  assert.ok(nRefused > 100, `the changes are harmless: ${nRefused} refused`);
});

test.run();
