/** The model that comes with this package. */

import { sep } from "node:path";
import { fileURLToPath } from "node:url";

/** A Llama of 260 thousand weights that writes children's stories. */
export const embeddedModelPath = unpackedPath(
  fileURLToPath(new URL("../assets/stories260K-f32.gguf", import.meta.url)),
);

/**
 * Where a file of an Electron app lies for the system. Electron shows the app's asar archive to
 * JavaScript as if it were a folder; the engine maps files, and must have them from beside the archive.
 */
export function unpackedPath(path: string): string {
  return path.replace(`.asar${sep}`, `.asar.unpacked${sep}`);
}
