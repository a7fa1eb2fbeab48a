/**
 * Whether an ad-hoc signature is right. Apple silicon ends a process that loads an unsigned or a
 * changed page, so that a file which was stripped after it was signed cannot be used at all.
 * All numbers of a signature are big-endian (`cs_blobs.h` of XNU).
 */

import { createHash } from "node:crypto";

const SUPER_BLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const SHA256 = 2;

/**
 * @param {Buffer} signature
 * @param {Buffer} file
 * @returns {string | undefined}
 */
export function signatureProblem(signature, file) {
  try {
    return findDirectories(signature)
      .map((directory) => directoryProblem(directory, file))
      .find((problem) => problem !== undefined);
  } catch (error) {
    if (error instanceof RangeError) return `the code signature is cut off: ${error.message}`;
    throw error;
  }
}

function findDirectories(signature) {
  if (signature.readUInt32BE(0) !== SUPER_BLOB) throw new RangeError("no signature begins there");
  const blobs = Array.from({ length: signature.readUInt32BE(8) }, (_, i) =>
    signature.subarray(signature.readUInt32BE(12 + i * 8 + 4)),
  );
  const directories = blobs.filter((blob) => blob.readUInt32BE(0) === CODE_DIRECTORY);
  if (directories.length === 0) throw new RangeError("no hashes in it");
  return directories;
}

/** Each page of the file up to the signature has its hash. */
function directoryProblem(directory, file) {
  const [hashesAt, nPages, limit] = [16, 28, 32].map((offset) => directory.readUInt32BE(offset));
  const [hashBytes, hashType] = [directory.readUInt8(36), directory.readUInt8(37)];
  const pageBytes = 2 ** directory.readUInt8(39);
  if (hashType !== SHA256) return `the code signature has hashes of type ${hashType}, not SHA-256`;
  if (nPages !== Math.ceil(limit / pageBytes)) return `the code signature leaves pages out`;
  if (limit > file.length) return "the code signature is for a longer file";
  for (let page = 0; page < nPages; page += 1) {
    const content = file.subarray(page * pageBytes, Math.min((page + 1) * pageBytes, limit));
    const hash = createHash("sha256").update(content).digest().subarray(0, hashBytes);
    const at = hashesAt + page * hashBytes;
    if (!hash.equals(directory.subarray(at, at + hashBytes))) {
      return `page ${page} was changed after it was signed`;
    }
  }
  return undefined;
}
