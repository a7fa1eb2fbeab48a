/** Reads a tokenizer that lies beside a model, whichever of the two formats it has. */
import { readFile, stat } from "node:fs/promises";
import { DllamaError } from "../errors.ts";
import { systemError } from "../system-error.ts";
import { parseLlama2cVocabulary } from "./llama2c-vocabulary.ts";
import { parseSentencePieceModel } from "./sentencepiece-model.ts";
import { SentencePieceTokenizer } from "./sentencepiece-tokenizer.ts";
import { malformedTokenizer } from "./vocabulary.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Vocabularies of 262,144 pieces take below 5 MiB. */
const MAX_BYTES = 64 * 1024 * 1024;

const MAX_PIECE_BYTES = 65_536;

const EXPECTED = "a tokenizer.model of SentencePiece or a tokenizer.bin of llama2.c";

/**
 * Reads SentencePiece's `tokenizer.model` or llama2.c's `tokenizer.bin`.
 *
 * @throws DllamaError FILE_NOT_FOUND, FILE_UNREADABLE, TOKENIZER_MALFORMED, TOKENIZER_UNSUPPORTED.
 */
export async function readTokenizer(path: string): Promise<SentencePieceTokenizer> {
  return SentencePieceTokenizer.of(parse(path, await readBytes(path)));
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    const stats = await stat(path);
    // A folder has no bytes, and opening a pipe or a device could wait for ever.
    if (!stats.isFile()) {
      throw malformedTokenizer(path, `expected ${EXPECTED}, got something that is no file`);
    }
    if (stats.size > MAX_BYTES) {
      throw malformedTokenizer(path, `expected ${EXPECTED}, got ${stats.size} bytes`);
    }
    return await readFile(path);
  } catch (error) {
    throw error instanceof DllamaError ? error : systemError(path, EXPECTED, error);
  }
}

function parse(path: string, bytes: Buffer): Vocabulary {
  // A model begins with field 1, a piece, which is not empty. A .bin begins with the length of its longest piece.
  if (bytes[0] === 0x0a && bytes[1] !== 0) return parseSentencePieceModel(path, bytes);
  if (bytes.length >= 4 && bytes.readUInt32LE() < MAX_PIECE_BYTES) {
    return parseLlama2cVocabulary(path, bytes);
  }
  const head = bytes.subarray(0, 64).toString("latin1");
  if (head.startsWith("{")) throw unsupported(path, "Hugging Face's tokenizer.json");
  if (head.startsWith("GGUF")) {
    throw unsupported(path, "a GGUF model, which brings its tokenizer with it");
  }
  if (/^[A-Za-z0-9+/]+=* \d+\n/.test(head)) {
    throw unsupported(path, "a tokenizer like Llama 3's (tiktoken)");
  }
  const got =
    head === "" ? "an empty file" : `a file that begins with ${JSON.stringify(head.slice(0, 4))}`;
  throw malformedTokenizer(path, `expected ${EXPECTED}, got ${got}`);
}

function unsupported(path: string, got: string): DllamaError {
  return new DllamaError("TOKENIZER_UNSUPPORTED", `${path}: expected ${EXPECTED}, got ${got}`, {
    hint: "Give the tokenizer.model that the checkpoint came with.",
  });
}
