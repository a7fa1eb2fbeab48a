/** The tokenizer in a GGUF file: the keys `tokenizer.ggml.*`. Source: ggml's `docs/gguf.md`. */
import { DllamaError } from "../errors.ts";
import type { GgufFile } from "../gguf/gguf-file.ts";
import { MetadataView } from "../gguf/metadata-view.ts";
import { SentencePieceTokenizer } from "./sentencepiece-tokenizer.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { checkVocabulary } from "./vocabulary.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What GGUF calls SentencePiece BPE with byte fallback. */
const SENTENCEPIECE_BPE = "llama";

/**
 * Rejects with a DllamaError TOKENIZER_UNSUPPORTED for a model with another kind of tokenizer;
 * TOKENIZER_MALFORMED for keys that are missing, of the wrong type, or disagree.
 */
export async function tokenizerFromGguf(file: GgufFile): Promise<Tokenizer> {
  return SentencePieceTokenizer.of(vocabularyFromGguf(file));
}

function vocabularyFromGguf(file: GgufFile): Vocabulary {
  const metadata = new MetadataView(file, "TOKENIZER_MALFORMED");
  const model = metadata.string("tokenizer.ggml.model");
  if (model !== SENTENCEPIECE_BPE) {
    const message = `${file.path}: expected the tokenizer "${SENTENCEPIECE_BPE}", got ${JSON.stringify(model.slice(0, 60))}`;
    throw new DllamaError("TOKENIZER_UNSUPPORTED", message, {
      hint: "dllama runs models with Llama 2's kind of tokenizer.",
    });
  }
  return checkVocabulary(file.path, {
    pieces: metadata.strings("tokenizer.ggml.tokens"),
    scores: metadata.float32s("tokenizer.ggml.scores"),
    types: metadata.int32s("tokenizer.ggml.token_type"),
    // llama.cpp's defaults for this kind.
    unkId: metadata.size("tokenizer.ggml.unknown_token_id", 0),
    bosId: metadata.size("tokenizer.ggml.bos_token_id", 1),
    eosId: metadata.size("tokenizer.ggml.eos_token_id", 2),
    addBos: metadata.boolean("tokenizer.ggml.add_bos_token", true),
    addDummyPrefix: metadata.boolean("tokenizer.ggml.add_space_prefix", true),
    removeExtraWhitespaces: metadata.boolean("tokenizer.ggml.remove_extra_whitespaces", false),
  });
}
