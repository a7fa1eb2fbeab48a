/**
 * Forms of file that people meet where a model or a checkpoint belongs, by their first bytes, and what can be
 * done then. Only error messages depend on the guesses made here. A hint names no command that would refuse.
 */

export interface ForeignFormat {
  name: string;
  hint: string;
}

interface Known extends ForeignFormat {
  matches: (head: Buffer) => boolean;
}

/** Bytes that the guesses look at. */
export const HEAD_BYTES = 64;

const CONVERT =
  "Convert Meta's checkpoint of the same model: dllama convert FOLDER q40. Or take a .gguf file of it.";
const NO_HUGGING_FACE =
  "Hugging Face's format cannot be converted yet: take a .gguf file of the same model. For a Llama, " +
  'dllama convert FOLDER q40 reads Meta\'s format, which is often in the folder "original" beside it.';
const CHECKPOINT =
  "A consolidated.00.pth of Meta's is converted with its folder: dllama convert FOLDER q40. Of any other " +
  "checkpoint take a .gguf file.";
const NOT_THE_FILE =
  "The server sent this in place of the file: download it again with the link to the file itself, logged in " +
  "where that is asked for.";
const UNPACK = "Unpack it first.";

const FORMATS: Known[] = [
  {
    name: "a model of Distributed Llama (.m or .bin)",
    hint: CONVERT,
    // Its current magic number and the two before it.
    matches: (head) => [0xa00abcd, 0xabcd00, 0xabcd01].includes(uint32(head, 0)),
  },
  { name: "a model of llama2.c (.bin)", hint: CONVERT, matches: isLlama2c },
  {
    name: "a model of an old llama.cpp, from before GGUF",
    hint: CONVERT,
    // "ggml", "ggmf", "ggjt" and "ggla", written as little-endian numbers.
    matches: (head) => [0x67676d6c, 0x67676d66, 0x67676a74, 0x67676c61].includes(uint32(head, 0)),
  },
  {
    name: "a part of a PyTorch checkpoint, or another zip archive",
    hint: CHECKPOINT,
    matches: (head) => startsWith(head, "PK\x03\x04"),
  },
  {
    name: "a PyTorch checkpoint or another pickle of Python",
    hint: CHECKPOINT,
    matches: (head) => head[0] === 0x80 && within(head[1], 2, 5) && head.length > 2,
  },
  {
    name: "a part of a Hugging Face checkpoint (safetensors)",
    hint: NO_HUGGING_FACE,
    matches: (head) => /^\{\s*"/.test(head.subarray(8).toString("latin1")),
  },
  {
    name: "a Git LFS pointer, which stands for a file that was not downloaded",
    hint: "Download the file itself: git lfs pull",
    matches: (head) => startsWith(head, "version https://git-lfs"),
  },
  {
    name: "a web page",
    hint: NOT_THE_FILE,
    matches: (head) => /^\s*<(!doctype|html|head|\?xml)/i.test(text(head)),
  },
  {
    name: "a text that a server answers with",
    hint: NOT_THE_FILE,
    matches: (head) =>
      /^\s*\{\s*"(error|message|detail)"|^(Entry|File|Repository|Access|Invalid|Not) [a-z]/i.test(
        text(head),
      ),
  },
  {
    name: "a download that is not complete: it begins with zeros",
    hint: "Let the download finish, or start it again.",
    matches: (head) => head.length >= 16 && head.every((byte) => byte === 0),
  },
  { name: "a gzip archive", hint: UNPACK, matches: (head) => startsWith(head, "\x1f\x8b") },
  { name: "an xz archive", hint: UNPACK, matches: (head) => startsWith(head, "\xfd7zXZ\0") },
  {
    name: "a Zstandard archive",
    hint: UNPACK,
    matches: (head) => startsWith(head, "\x28\xb5\x2f\xfd"),
  },
  { name: "a 7z archive", hint: UNPACK, matches: (head) => startsWith(head, "7z\xbc\xaf\x27\x1c") },
  { name: "a bzip2 archive", hint: UNPACK, matches: (head) => /^BZh[1-9]1AY/.test(text(head)) },
];

/** What a file is by its first bytes; undefined where nothing known begins so. */
export function foreignFormat(head: Buffer): ForeignFormat | undefined {
  return FORMATS.find(({ matches }) => matches(head));
}

/** Of a folder or checkpoint that Hugging Face's libraries made. */
export const HUGGING_FACE_HINT = NO_HUGGING_FACE;

function text(head: Buffer): string {
  return head.toString("latin1").replace(/^\xef\xbb\xbf/, "");
}

function uint32(head: Buffer, offset: number): number {
  return head.length >= offset + 4 ? head.readUInt32LE(offset) : 0;
}

function startsWith(head: Buffer, start: string): boolean {
  return head.subarray(0, start.length).toString("latin1") === start;
}

function within(n: number | undefined, min: number, max: number): boolean {
  return n !== undefined && n >= min && n <= max;
}

/** llama2.c's first format has no magic: seven sizes that fit each other. Later ones begin with "ak42". */
function isLlama2c(head: Buffer): boolean {
  if (uint32(head, 0) === 0x616b3432) return true;
  if (head.length < 28) return false;
  const [dim = 0, hiddenDim = 0, nLayers = 0, nHeads = 0, nKvHeads = 0, vocabSize = 0, seqLen = 0] =
    Array.from({ length: 7 }, (_, i) => head.readInt32LE(4 * i));
  return (
    within(dim, 1, 65_536) &&
    within(hiddenDim, 1, 1_048_576) &&
    within(nLayers, 1, 1024) &&
    within(nHeads, 1, dim) &&
    within(nKvHeads, 1, nHeads) &&
    within(Math.abs(vocabSize), 1, 1_048_576) && // negative: the classifier is not the embedding
    within(seqLen, 1, 1_048_576) &&
    dim % nHeads === 0 &&
    nHeads % nKvHeads === 0
  );
}
