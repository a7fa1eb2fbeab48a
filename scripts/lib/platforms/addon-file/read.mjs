/**
 * Reads what an addon's file needs and tells, whatever platform it is for. The readers are our own:
 * npm has no maintained one for both formats, readelf knows no Mach-O, and the check must run in a
 * fresh clone and on every runner. They read what the check asks for, and nothing else.
 *
 * @typedef {object} AddonFile
 * @property {"elf" | "mach-o"} format
 * @property {string} cpu as `process.arch` has it
 * @property {string[]} imports symbols that others have to define
 * @property {string[]} exports symbols that it defines for others
 * @property {string[]} libraries that are loaded with it
 * @property {string[]} searchPaths of its own for these
 * @property {string[]} versions of symbols (`GLIBC_2.28`), or the oldest system (`macOS_12.0`)
 * @property {boolean} hasExecutableStack
 * @property {string[]} unstripped symbols or sections that only debuggers use
 * @property {string} [signatureProblem] of a Mach-O
 */

import { Bytes, MalformedFile } from "./bytes.mjs";
import { readElf } from "./elf.mjs";
import { readMachO } from "./mach-o.mjs";

const ELF = 0x464c457f;
const MACH_O = 0xfeedfacf;

/**
 * @param {Buffer} buffer
 * @returns {AddonFile}
 * @throws MalformedFile
 */
export function readAddonFile(buffer) {
  const magic = new Bytes(buffer).u32(0);
  if (magic === ELF) return readElf(buffer);
  if (magic === MACH_O) return readMachO(buffer);
  throw new MalformedFile("neither a 64-bit ELF nor a 64-bit Mach-O for one architecture");
}

export { MalformedFile };
