/** What stands where in a model file of given shapes: its header, and the place of each tensor. */

import { DllamaError, encodeGgufHeader, tensorBytes } from "@dllama/core";
import type { FloatType } from "./float-types.ts";
import { llamaMetadata } from "./metadata.ts";
import type { MetadataSource } from "./metadata.ts";
import { metaTensors } from "./sources/meta/tensors.ts";
import type { MetaTensor } from "./sources/meta/tensors.ts";
import { chooseType } from "./tensor-type.ts";

export interface PlannedTensor extends MetaTensor {
  readonly type: FloatType;
  readonly nBytes: number;
  /** In bytes from the start of the file. */
  readonly offset: number;
}

export interface ModelLayout {
  readonly tensors: readonly PlannedTensor[];
  /** Everything in the file before the first tensor. */
  readonly header: Uint8Array;
  /** Size of the whole file. */
  readonly nBytes: number;
  /** Sentences about matrices that do not get the type asked for. */
  readonly notes: readonly string[];
}

export function layOutModel(source: MetadataSource): ModelLayout {
  const { params, vocabulary, type } = source;
  const choices = metaTensors(params, vocabulary.pieces.length).map((tensor) => ({
    ...tensor,
    ...chooseType(tensor.name, tensor.shape, params.headDim, type),
  }));
  const metadata = llamaMetadata(source);
  const { header, offsets, nBytes } = encodeGgufHeader({ metadata, tensors: choices });
  const tensors = choices.map((choice, n) => ({
    name: choice.name,
    sourceName: choice.sourceName,
    shape: choice.shape,
    cutAxis: choice.cutAxis,
    type: choice.type,
    nBytes: sizeOf(choice.type, choice.shape),
    offset: offsets[n] ?? 0,
  }));
  return { tensors, header, nBytes, notes: notesOn(choices, type) };
}

function sizeOf(type: FloatType, shape: readonly number[]): number {
  const nBytes = tensorBytes(type, shape);
  if (typeof nBytes === "string") throw new DllamaError("INTERNAL", nBytes);
  return nBytes;
}

/** One sentence for each kind of tensor, not for each of its 80 layers. */
function notesOn(
  choices: readonly { name: string; because?: string }[],
  modelType: FloatType,
): string[] {
  const counts = new Map<string, number>();
  for (const { name, because } of choices) {
    if (because === undefined) continue;
    const kind = `${name.replace(/^blk\.\d+\./, "blk.*.")} is F16, not ${modelType}: ${because}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${kind} (${count} tensor${count > 1 ? "s" : ""})`);
}
