/** Opens a checkpoint's parts and checks that together they hold exactly the model's tensors. */

import { basename } from "node:path";
import { DllamaError } from "@dllama/core";
import { openTorchFile } from "../../torch/archive.ts";
import type { TorchFile, TorchTensor } from "../../torch/archive.ts";
import { listParts, partName } from "./folder.ts";
import { JoinedTensor } from "./joined-tensor.ts";
import { checkIdentity } from "./part-identity.ts";
import type { MetaTensor } from "./tensors.ts";

export interface MetaWeights {
  /** In the order of the tensors asked for. */
  readonly tensors: readonly JoinedTensor[];
  close(): Promise<void>;
}

/** @throws {DllamaError} CHECKPOINT_MALFORMED, CHECKPOINT_UNSUPPORTED, TOKENIZER_MISMATCH, FILE_... */
export async function openMetaWeights(
  folder: string,
  tensors: readonly MetaTensor[],
): Promise<MetaWeights> {
  const parts: TorchFile[] = [];
  const close = async () => {
    await Promise.all(parts.map(({ file }) => file.close()));
  };
  try {
    for (const path of await listParts(folder)) parts.push(await openTorchFile(path));
    refuseStrangers(parts, tensors);
    const joined = tensors.map((tensor) => join(parts, tensor));
    await checkIdentity(parts, tensors);
    return { tensors: joined, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A tensor left out would change what the model says. RoPE's table is computed anew. */
function refuseStrangers(parts: readonly TorchFile[], tensors: readonly MetaTensor[]): void {
  const known = new Set(tensors.map(({ sourceName }) => sourceName));
  for (const { path, tensors: found } of parts) {
    for (const name of found.keys()) {
      if (known.has(name) || /(^|\.)rope\.freqs$/.test(name)) continue;
      throw new DllamaError(
        "CHECKPOINT_UNSUPPORTED",
        `${path} has the tensor ${name}, which a Llama of these params.json does not have`,
        { hint: "Do params.json and the parts belong to the same model? Only Llama is known." },
      );
    }
  }
}

function join(parts: readonly TorchFile[], tensor: MetaTensor): JoinedTensor {
  const pieces = parts.map((part) => findPiece(part, tensor));
  const [first] = pieces;
  if (first === undefined) throw new DllamaError("INTERNAL", "a checkpoint of no parts");
  const other = pieces.find((piece) => piece.type !== first.type);
  if (other !== undefined) {
    throw new DllamaError(
      "CHECKPOINT_MALFORMED",
      `the parts disagree: ${tensor.sourceName} is ${first.type} in ${basename(first.path)} and ` +
        `${other.type} in ${basename(other.path)}`,
      { hint: "Fetch the parts again; they must all be of the same model." },
    );
  }
  checkShapes(pieces, tensor);
  const asRows = pieces.map(({ file, path, fileOffset, shape }) => {
    const [nRows = 1, nCols = 1] = shape.length === 1 ? [1, ...shape] : shape;
    return { file, path, fileOffset, nRows, nCols };
  });
  const { cutAxis } = tensor;
  return new JoinedTensor(
    first.type,
    cutAxis === undefined ? asRows.slice(0, 1) : asRows,
    cutAxis ?? 0,
  );
}

type FoundPiece = TorchTensor & Pick<TorchFile, "file" | "path">;

function findPiece({ path, file, tensors }: TorchFile, { sourceName }: MetaTensor): FoundPiece {
  const found = tensors.get(sourceName);
  if (found !== undefined) return { ...found, path, file };
  throw new DllamaError("CHECKPOINT_MALFORMED", `${path} has no tensor ${sourceName}`, {
    hint: "Do params.json and the parts belong to the same model?",
  });
}

function checkShapes(pieces: readonly FoundPiece[], tensor: MetaTensor): void {
  const { shape, cutAxis, sourceName } = tensor;
  for (const piece of pieces) {
    const fits =
      piece.shape.length === shape.length &&
      shape.every((size, axis) => axis === cutAxis || piece.shape[axis] === size);
    if (!fits) throw wrongShape(piece, tensor);
  }
  if (cutAxis === undefined) return;
  const whole = shape[cutAxis] ?? 0;
  const sum = pieces.reduce((total, piece) => total + (piece.shape[cutAxis] ?? 0), 0);
  if (sum === whole) return;
  const nParts = whole / (pieces[0]?.shape[cutAxis] ?? 0);
  throw new DllamaError(
    "CHECKPOINT_MALFORMED",
    `the ${pieces.length} parts (${partName(0)} to ${partName(pieces.length - 1)}) hold ${sum} ` +
      `${cutAxis === 0 ? "rows" : "columns"} of ${sourceName}; params.json calls for ${whole}`,
    {
      hint:
        Number.isInteger(nParts) && nParts !== pieces.length
          ? `Parts of this size must be ${nParts}: see which are missing or do not belong here.`
          : "Do params.json and the parts belong to the same model?",
    },
  );
}

function wrongShape({ path, shape }: FoundPiece, tensor: MetaTensor): DllamaError {
  const { sourceName, shape: whole, cutAxis } = tensor;
  const wanted = whole.map((size, axis) => (axis === cutAxis ? `a share of ${size}` : size));
  const got = `${path}: ${sourceName} has the shape [${shape.join(", ")}]`;
  if (sourceName === "tok_embeddings.weight" && shape.length === 2 && shape[0] !== whole[0]) {
    return new DllamaError(
      "TOKENIZER_MISMATCH",
      `${got}, a vocabulary of ${shape[0]}; the tokenizer has ${whole[0]}`,
      { hint: "Use the tokenizer.model that came with this checkpoint (--tokenizer)." },
    );
  }
  return new DllamaError(
    "CHECKPOINT_MALFORMED",
    `${got}; by params.json [${wanted.join(", ")}] was expected`,
    { hint: "Do params.json and the parts belong to the same model?" },
  );
}
