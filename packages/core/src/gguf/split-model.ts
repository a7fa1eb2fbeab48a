/**
 * Models in several GGUF files, NAME-00001-of-00003.gguf: the first has the metadata, each has some of the
 * tensors. Source: llama.cpp's `gguf-split`.
 */
import { basename } from "node:path";
import { DllamaError } from "../errors.ts";
import type { GgufValue } from "./value.ts";

/** @throws DllamaError MODEL_UNSUPPORTED for a part of a model. */
export function refuseSplit(path: string, metadata: ReadonlyMap<string, GgufValue>): void {
  const count = numberOf(metadata.get("split.count"));
  if (count === undefined || count < 2) return;
  const index = numberOf(metadata.get("split.no")) ?? 0;
  const first = basename(path).replace(/-\d{5}-of-(\d{5}\.gguf)$/, "-00001-of-$1");
  throw new DllamaError(
    "MODEL_UNSUPPORTED",
    `${path}: expected a model in one file, got part ${index + 1} of ${count}`,
    {
      hint:
        `Join the parts with the program of llama.cpp that has split them: ` +
        `llama-gguf-split --merge ${/^[\w.-]+$/.test(first) ? first : JSON.stringify(first)} WHOLE.gguf`,
    },
  );
}

function numberOf(value: GgufValue | undefined): number | undefined {
  if (value === undefined || !/^u?int/.test(value.type)) return undefined;
  const n = Number(value.value);
  return Number.isSafeInteger(n) && n >= 0 ? n : undefined;
}
