/** A vocabulary of any size that SentencePiece's rules accept, for models that nobody talks to. */

import type { Vocabulary } from "@dllama/core";

/** `tokenizer.ggml.token_type` of the pieces below. */
const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];

/** Every text can be encoded: each of its bytes is a token. */
export function syntheticVocabulary(nPieces: number): Vocabulary {
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
  const special = ["<unk>", "<s>", "</s>", ...bytes];
  const pieces = Array.from({ length: nPieces }, (_, id) => special[id] ?? `▁${id}`);
  const types = pieces.map((_, id) => {
    if (id === 0) return UNKNOWN;
    if (id < 3) return CONTROL;
    return id < special.length ? BYTE : NORMAL;
  });
  return {
    pieces,
    scores: Float32Array.from(pieces, (_, id) => -id),
    types: Int32Array.from(types),
    unkId: 0,
    bosId: 1,
    eosId: 2,
    addBos: true,
    addDummyPrefix: true,
    removeExtraWhitespaces: false,
  };
}
