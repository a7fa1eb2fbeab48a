/** What lies in a checkpoint's folder, and where its tokenizer is. */

import { access, readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DllamaError } from "@dllama/core";
import { fileError } from "../../file-error.ts";

const MANY_FORMATS_HINT =
  "Meta's own download has params.json, tokenizer.model and consolidated.00.pth; on Hugging Face " +
  'it is often the folder "original" of the same model.';

/** The absolute path of a folder in Meta's format. */
export async function findMetaFolder(path: string): Promise<string> {
  const folder = resolve(path);
  let names: string[];
  try {
    if (!(await stat(folder)).isDirectory()) {
      throw new DllamaError(
        "CHECKPOINT_UNSUPPORTED",
        `${folder} is a file; a folder was expected`,
        {
          hint: MANY_FORMATS_HINT,
        },
      );
    }
    names = await readdir(folder);
  } catch (error) {
    throw fileError(folder, error);
  }
  if (names.includes("params.json")) return folder;
  const foreign = names.find((name) =>
    /^config\.json$|\.safetensors$|^pytorch_model.*\.bin$/.test(name),
  );
  if (foreign !== undefined) {
    throw new DllamaError(
      "CHECKPOINT_UNSUPPORTED",
      `${folder} is a Hugging Face checkpoint (it has ${foreign}); only Meta's format can be converted`,
      { hint: MANY_FORMATS_HINT },
    );
  }
  throw new DllamaError("CHECKPOINT_MALFORMED", `${folder} has no params.json`, {
    hint: MANY_FORMATS_HINT,
  });
}

/** `tokenizer.model` in the folder, or beside it, where Meta's download puts it. */
export async function findTokenizer(folder: string): Promise<string> {
  const candidates = [folder, dirname(folder)].map((place) => join(place, "tokenizer.model"));
  for (const path of candidates) {
    try {
      await access(path);
      return path;
    } catch {
      // the next one
    }
  }
  throw new DllamaError(
    "FILE_NOT_FOUND",
    `there is no tokenizer.model; looked for ${candidates.join(" and ")}`,
    { hint: "Copy it there, or name it with --tokenizer." },
  );
}

/** Names of the parts that are there, in order; none of a folder that cannot be read. */
export async function partNames(folder: string): Promise<string[]> {
  return partsAmong(await readdir(folder).catch(() => []));
}

function partsAmong(names: readonly string[]): string[] {
  return names.filter((name) => /^consolidated\.\d\d\.pth$/.test(name)).toSorted();
}

/** The parts' paths, in order: consolidated.00.pth, consolidated.01.pth, ... */
export async function listParts(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError(folder, error);
  });
  const parts = partsAmong(names);
  const expected = Array.from({ length: Math.max(parts.length, 1) }, (_, part) => partName(part));
  const missing = expected.find((name) => !parts.includes(name));
  if (missing !== undefined) {
    const safetensors = names.some((name) => name.endsWith(".safetensors"));
    throw new DllamaError(
      safetensors && parts.length === 0 ? "CHECKPOINT_UNSUPPORTED" : "CHECKPOINT_MALFORMED",
      `${folder} has no ${missing}; it has ${parts.length === 0 ? "no part at all" : parts.join(", ")}`,
      { hint: "Fetch the missing parts; all of them belong into this folder." },
    );
  }
  return parts.map((name) => join(folder, name));
}

export function partName(part: number): string {
  return `consolidated.${String(part).padStart(2, "0")}.pth`;
}
