/** Folders that are removed when this process exits, whatever the reason; renamed ones stay. */

import { mkdtempSync, rmSync } from "node:fs";

const folders = [];

/**
 * @param {string} prefix an absolute path; six letters are appended
 */
export function temporaryFolder(prefix) {
  if (folders.length === 0) process.once("exit", removeAll);
  const folder = mkdtempSync(prefix);
  folders.push(folder);
  return folder;
}

function removeAll() {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
