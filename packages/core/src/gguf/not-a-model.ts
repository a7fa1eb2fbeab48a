/** What people give as a model that is no GGUF file, and what they can do then. */
import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { DllamaError } from "../errors.ts";
import { foreignFormat, HUGGING_FACE_HINT } from "./foreign-formats.ts";

/** For a file that does not begin with GGUF's magic; `head` are its first bytes, up to `HEAD_BYTES`. */
export function describeForeignFile(path: string, nBytes: number, head: Buffer): DllamaError {
  const format = foreignFormat(head);
  const start = JSON.stringify(head.subarray(0, 4).toString("latin1"));
  const got =
    format?.name ??
    (head.length === 0 ? `a file of ${nBytes} bytes` : `a file that begins with ${start}`);
  const hint =
    format?.hint ??
    pieceHint(path) ??
    "Give a .gguf file, or make one from Meta's checkpoint: dllama convert FOLDER q40";
  return new DllamaError("NOT_A_MODEL", `${path}: expected a GGUF file, got ${got}`, { hint });
}

/** For a file that was cut into pieces by bytes, not as GGUF's own parts are. */
export function pieceHint(path: string): string | undefined {
  const name = basename(path);
  if (!/[-.](split-[a-z]+|part-?[0-9a-z]+(of[0-9]+)?|0\d\d)$/i.test(name)) return undefined;
  return "By its name it is one piece of a larger file: join all of them in their order with `cat`.";
}

export async function describeFolder(path: string): Promise<DllamaError> {
  const names = await readdir(path);
  const convert = `Convert it: dllama convert ${/^[\w./-]+$/.test(path) ? path : JSON.stringify(path)} q40`;
  const models = names.filter((name) => name.endsWith(".gguf")).toSorted();
  if (names.includes("params.json") || names.some((name) => /^consolidated.*\.pth$/.test(name))) {
    return notAFile(path, "Meta's checkpoint folder", convert);
  }
  if (names.includes("config.json") || names.some((name) => name.endsWith(".safetensors"))) {
    return notAFile(path, "a Hugging Face checkpoint folder", HUGGING_FACE_HINT);
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
