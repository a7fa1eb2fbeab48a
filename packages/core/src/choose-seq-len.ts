/** How many positions a model's KV cache has. */

import { DllamaError } from "./errors.ts";
import type { OpenModel } from "./models/open-model.ts";

/** More is seldom used, and a KV cache of Llama 2 7B takes 0.5 MiB a position. */
const DEFAULT_MAX_SEQ_LEN = 4096;

/** @throws DllamaError INVALID_ARGUMENT for more than the model was trained on. */
export function chooseSeqLen(open: OpenModel, maxSeqLen: number | undefined): number {
  const { contextLength } = open;
  if (maxSeqLen === undefined) return Math.min(contextLength, DEFAULT_MAX_SEQ_LEN);
  if (Number.isInteger(maxSeqLen) && maxSeqLen >= 1 && maxSeqLen <= contextLength) return maxSeqLen;
  throw new DllamaError(
    "INVALID_ARGUMENT",
    `expected maxSeqLen of 1 to the model's ${contextLength}, got ${maxSeqLen}`,
    { hint: "The model was trained on no more positions." },
  );
}
