/** The model families, by architecture. */

import { DllamaError } from "../errors.ts";
import type { GgufFile } from "../gguf/gguf-file.ts";
import { MetadataView } from "../gguf/metadata-view.ts";
import { openLlama } from "./llama.ts";
import type { OpenModel } from "./open-model.ts";

type Open = (file: GgufFile) => Promise<OpenModel>;

/** By `general.architecture`. A new family is a file beside this one and a line here. */
const FAMILIES = new Map<string, Open>([["llama", openLlama]]);

/**
 * Reads a model's configuration and checks its tensors.
 *
 * @throws DllamaError MODEL_UNSUPPORTED or MODEL_MALFORMED.
 */
export function openModel(file: GgufFile): Promise<OpenModel> {
  const architecture = new MetadataView(file).string("general.architecture");
  const open = FAMILIES.get(architecture);
  if (open !== undefined) return open(file);
  throw new DllamaError(
    "MODEL_UNSUPPORTED",
    `${file.path}: expected an architecture of ${[...FAMILIES.keys()].join(", ")}, got "${architecture}"`,
    { hint: "Models of the Llama family (Llama 2, TinyLlama, ...) run." },
  );
}
