/**
 * What people give as a model that is no GGUF file, and what they can do then. Only error messages
 * depend on the guesses made here.
 */
import { readdir } from "node:fs/promises";
import { DllamaError } from "../errors.ts";

const CONVERT = "Convert the checkpoint that it was made from: dllama convert FOLDER q40";

interface ForeignFormat {
  name: string;
  hint: string;
  matches: (head: Buffer) => boolean;
}

const FOREIGN_FORMATS: ForeignFormat[] = [
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
    // "ggml", "ggmf" and "ggjt", written as little-endian numbers.
    matches: (head) => [0x67676d6c, 0x67676d66, 0x67676a74].includes(uint32(head, 0)),
  },
  {
    name: "one part of a PyTorch checkpoint",
    hint: "Convert the folder that it is in: dllama convert FOLDER q40",
    matches: (head) => startsWith(head, "PK\x03\x04"),
  },
  {
    name: "one part of a Hugging Face checkpoint (safetensors)",
    hint: "Convert the folder that it is in: dllama convert FOLDER q40",
    matches: (head) => head.subarray(8, 10).toString("latin1") === '{"',
  },
  {
    name: "a Git LFS pointer, which stands for a file that was not downloaded",
    hint: "Download the file itself: git lfs pull",
    matches: (head) => startsWith(head, "version https://git-lfs"),
  },
];

/** For a file that does not begin with GGUF's magic; `head` are its first bytes, up to 64. */
export function describeForeignFile(path: string, nBytes: number, head: Buffer): DllamaError {
  const format = FOREIGN_FORMATS.find(({ matches }) => matches(head));
  const start = JSON.stringify(head.subarray(0, 4).toString("latin1"));
  const got =
    format?.name ??
    (head.length === 0 ? `a file of ${nBytes} bytes` : `a file that begins with ${start}`);
  const hint =
    format?.hint ?? "Give a .gguf file, or make one from a checkpoint: dllama convert FOLDER q40";
  return new DllamaError("NOT_A_MODEL", `${path}: expected a GGUF file, got ${got}`, { hint });
}

export async function describeFolder(path: string): Promise<DllamaError> {
  const names = await readdir(path);
  const convert = `Convert it: dllama convert ${/^[\w./-]+$/.test(path) ? path : JSON.stringify(path)} q40`;
  const models = names.filter((name) => name.endsWith(".gguf")).toSorted();
  if (names.includes("params.json") || names.some((name) => /^consolidated.*\.pth$/.test(name))) {
    return notAFile(path, "Meta's checkpoint folder", convert);
  }
  if (names.includes("config.json") || names.some((name) => name.endsWith(".safetensors"))) {
    return notAFile(path, "a Hugging Face checkpoint folder", convert);
  }
  const hint =
    models.length > 0
      ? `Give a file in it: ${models.slice(0, 3).join(", ")}`
      : "Give a .gguf file.";
  return notAFile(path, "a folder", hint);
}

export function describeDevice(path: string): DllamaError {
  return notAFile(path, "something that is no file", "Give a .gguf file.");
}

function notAFile(path: string, got: string, hint: string): DllamaError {
  return new DllamaError("NOT_A_MODEL", `${path}: expected a GGUF file, got ${got}`, { hint });
}

function uint32(head: Buffer, offset: number): number {
  return head.length >= offset + 4 ? head.readUInt32LE(offset) : 0;
}

function startsWith(head: Buffer, text: string): boolean {
  return head.subarray(0, text.length).toString("latin1") === text;
}

function plausible(n: number, max: number): boolean {
  return n > 0 && n <= max;
}

/** llama2.c's first format has no magic: seven sizes that fit each other. Later ones begin with "ak42". */
function isLlama2c(head: Buffer): boolean {
  if (uint32(head, 0) === 0x616b3432) return true;
  if (head.length < 28) return false;
  const [dim = 0, hiddenDim = 0, nLayers = 0, nHeads = 0, nKvHeads = 0, vocabSize = 0, seqLen = 0] =
    Array.from({ length: 7 }, (_, i) => head.readInt32LE(4 * i));
  return (
    plausible(dim, 65_536) &&
    plausible(hiddenDim, 1_048_576) &&
    plausible(nLayers, 1024) &&
    plausible(nHeads, dim) &&
    plausible(nKvHeads, nHeads) &&
    plausible(Math.abs(vocabSize), 1_048_576) && // negative: the classifier is not the embedding
    plausible(seqLen, 1_048_576) &&
    dim % nHeads === 0 &&
    nHeads % nKvHeads === 0
  );
}
