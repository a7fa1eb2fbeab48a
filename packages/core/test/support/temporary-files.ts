import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that goes away with the process. */
export const folder = mkdtempSync(join(tmpdir(), "dllama-core-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

let count = 0;

/** Writes the bytes to a file of its own, followed by zeros up to `nBytes`, and returns its path. */
export function temporaryFile(bytes: Uint8Array | string, nBytes?: number): string {
  const path = join(folder, `${count++}.bin`);
  writeFileSync(path, bytes);
  if (nBytes !== undefined) truncateSync(path, nBytes);
  return path;
}
