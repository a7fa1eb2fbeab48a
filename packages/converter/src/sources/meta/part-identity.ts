/**
 * Whether a checkpoint's parts are what their names say: each another one, in its own place, all of one model.
 * A part that was fetched twice, or one of another model, has the right shapes, and gives a model of rubbish.
 */

import { basename } from "node:path";
import { DllamaError } from "@dllama/core";
import { SOURCE_VALUE_BYTES } from "../../float-types.ts";
import { readFully } from "../../regular-file.ts";
import type { TorchFile, TorchTensor } from "../../torch/archive.ts";
import type { MetaTensor } from "./tensors.ts";

/** Of each part's share of a tensor. Weights that agree in so many bytes are the same. */
const SAMPLE_BYTES = 4096;

/** @throws {DllamaError} CHECKPOINT_MALFORMED */
export async function checkIdentity(
  parts: readonly TorchFile[],
  tensors: readonly MetaTensor[],
): Promise<void> {
  await refuseCopies(parts, tensors);
  refuseMisplaced(parts);
  await refuseStrangers(parts, tensors);
}

/** torch.save names the archive after the file that it writes. */
function refuseMisplaced(parts: readonly TorchFile[]): void {
  for (const { path, root } of parts) {
    const name = basename(path);
    if (!/^consolidated\.\d\d$/.test(root) || `${root}.pth` === name) continue;
    throw wrongParts(`${path} was saved as ${root}.pth: its name is that of another part`);
  }
}

/** Two parts with the same shares of every tensor. */
async function refuseCopies(
  parts: readonly TorchFile[],
  tensors: readonly MetaTensor[],
): Promise<void> {
  const cut = tensors.filter(({ cutAxis }) => cutAxis !== undefined);
  for (const [n, part] of parts.entries()) {
    for (const other of parts.slice(0, n)) {
      if (!(await haveSameShares(part, other, cut))) continue;
      throw wrongParts(`${basename(part.path)} has the same weights as ${basename(other.path)}`);
    }
  }
}

async function haveSameShares(
  a: TorchFile,
  b: TorchFile,
  tensors: readonly MetaTensor[],
): Promise<boolean> {
  let isProved = false;
  for (const { sourceName } of tensors) {
    const [own, other] = await Promise.all([sample(a, sourceName), sample(b, sourceName)]);
    if (!own.equals(other)) return false;
    // Zeros, for instance, may be equal in all parts of a model.
    isProved ||= own.some((byte) => byte !== own[0]);
  }
  return isProved;
}

/** Norms are whole in every part, and the same in all. */
async function refuseStrangers(
  parts: readonly TorchFile[],
  tensors: readonly MetaTensor[],
): Promise<void> {
  const [first, ...others] = parts;
  if (first === undefined) return;
  for (const { sourceName, cutAxis } of tensors) {
    if (cutAxis !== undefined) continue;
    const expected = await sample(first, sourceName);
    for (const other of others) {
      if ((await sample(other, sourceName)).equals(expected)) continue;
      throw wrongParts(
        `${basename(first.path)} and ${basename(other.path)} differ in ${sourceName}, which all parts ` +
          "of one model have in common",
      );
    }
  }
}

async function sample(part: TorchFile, name: string): Promise<Buffer> {
  const tensor = part.tensors.get(name);
  if (tensor === undefined) return Buffer.alloc(0);
  const bytes = Buffer.alloc(Math.min(SAMPLE_BYTES, tensorBytes(tensor)));
  await readFully(part.file, part.path, bytes, tensor.fileOffset);
  return bytes;
}

function tensorBytes({ type, shape }: TorchTensor): number {
  return shape.reduce((product, size) => product * size, SOURCE_VALUE_BYTES[type]);
}

function wrongParts(message: string): DllamaError {
  return new DllamaError("CHECKPOINT_MALFORMED", message, {
    hint: "Fetch the parts again, each under its own name, into an empty folder.",
  });
}
