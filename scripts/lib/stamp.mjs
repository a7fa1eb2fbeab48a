/**
 * Is the result of a build step still that of today's inputs? A finished step leaves a stamp: the
 * fingerprint that its inputs had when it began. Comparing times of inputs and outputs instead would
 * be wrong after a `git clone` or a `git checkout`, where times say nothing about age.
 */

import { createHash } from "node:crypto";
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/**
 * Names, sizes and times of all files among and below `inputs`; contents are not read, so that
 * this stays in the milliseconds.
 *
 * @param {string} folder what `inputs` are relative to
 * @param {string[]} inputs files and folders; one that does not exist is a fact, too
 */
export function fingerprint(folder, inputs) {
  // Node's platform: a folder that two machines share must not count as built for both.
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  for (const input of inputs) addTo(hash, folder, input);
  return hash.digest("hex");
}

function addTo(hash, folder, input) {
  const stat = statSync(join(folder, input), { throwIfNoEntry: false });
  if (stat?.isDirectory()) {
    const names = readdirSync(join(folder, input)).toSorted();
    for (const name of names) addTo(hash, folder, `${input}/${name}`);
  } else {
    hash.update(`${input} ${stat?.size} ${stat?.mtimeMs}\n`);
  }
}

/** @returns {string | undefined} */
export function readStamp(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Appears whole or not at all, also when the machine is switched off. */
export function writeStamp(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}.tmp`, text, { flush: true });
  renameSync(`${path}.${process.pid}.tmp`, path);
}

export function removeStamp(path) {
  rmSync(path, { force: true });
}
