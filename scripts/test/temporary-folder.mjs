import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

import { stateFolder } from "../lib/workspace.mjs";

/** A folder inside the repository, so that files in it can import its packages; gone at the end. */
export function temporaryFolder() {
  mkdirSync(stateFolder, { recursive: true });
  const folder = mkdtempSync(join(stateFolder, "test-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
