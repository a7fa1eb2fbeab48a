/** The model that comes with this package. */

import { existsSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";

import { DllamaError } from "./errors.ts";
import { physicalCores } from "./physical-cores.ts";

const NAME = "stories260K-f32.gguf";

/** Undefined in a bundle of CommonJS, which knows no URL of its own. */
const moduleUrl: string | undefined = import.meta.url;

/** A Llama of 260 thousand weights that writes children's stories. */
export const embeddedModelPath =
  moduleUrl === undefined
    ? NAME
    : unpackedPath(fileURLToPath(new URL(`../assets/${NAME}`, moduleUrl)));

/**
 * The path of the model, if whoever packed the app has taken it along.
 *
 * @throws DllamaError ADDON_MISSING, FILE_NOT_FOUND
 */
export function findEmbeddedModel(): string {
  if (existsSync(embeddedModelPath)) return embeddedModelPath;
  // A bundle that lacks the model mostly lacks the addon, too, whose error knows bundlers by name.
  physicalCores();
  const message = `expected the embedded model at ${embeddedModelPath}, there is no file of this name`;
  throw new DllamaError("FILE_NOT_FOUND", message, { hint: whyAway(embeddedModelPath) });
}

function whyAway(path: string): string {
  return path.includes(".asar.unpacked")
    ? 'Unpack it: `"asarUnpack": ["**/node_modules/@dllama/**"]` in electron-builder\'s settings.'
    : "Leave @dllama/core out of the bundle and install it beside, or give the path of another model.";
}

/**
 * Where a file of an Electron app lies for the system. Electron shows the app's asar archive to
 * JavaScript as if it were a folder; the engine maps files, and must have them from beside the archive.
 */
export function unpackedPath(path: string): string {
  return path.replace(`.asar${sep}`, `.asar.unpacked${sep}`);
}
