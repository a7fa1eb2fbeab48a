/**
 * What an addon that is published must not be. Each rule looks at one thing, and says what it found.
 *
 * @typedef {object} Candidate
 * @property {import("./table.mjs").Platform} platform what it is to be for
 * @property {import("./addon-file/read.mjs").AddonFile} file
 * @property {Buffer} bytes
 */

import { highestGlibc, isNewer } from "./glibc.mjs";
import { foreignPaths } from "./machine-paths.mjs";
import { MAXIMUM_NODE_API, nodeApiVersion } from "./node-api.mjs";
import { MAXIMUM_GLIBC } from "./table.mjs";

/** The system's own C library in its parts; everything else may be missing on a user's machine. */
const SYSTEM_LIBRARY =
  /^(lib(c|m|pthread|dl|rt)\.so\.\d|ld-linux-(x86-64|aarch64)\.so\.\d|\/usr\/lib\/lib(System\.B|iconv\.2|charset\.1)\.dylib)$/;
const ENTRY = "napi_register_module_v1";
/** zig's linker exports these of every Mach-O. */
const LINKER_EXPORTS = ["_mh_dylib_header", "__dso_handle"];
/** Electron forbids memory that V8 has not allocated itself. */
const EXTERNAL_MEMORY = /\b(napi|node_api)_create_external_(arraybuffer|buffer)\b/g;
/** Mangled as C++ compilers do. Rust's own names are in no table of a stripped file. */
const CPLUSPLUS = /^_Z/;
const V8 = /^_ZNK?(2v8|4node)/;

/** @type {((candidate: Candidate) => string | string[] | undefined)[]} */
const rules = [
  function architecture({ platform, file }) {
    if (file.format === platform.format && file.cpu === platform.cpu) return undefined;
    return `expected ${platform.format} for ${platform.cpu}, got ${file.format} for ${file.cpu}`;
  },
  function entry({ file }) {
    return file.exports.includes(ENTRY) ? undefined : `it does not export ${ENTRY}`;
  },
  function otherExports({ file }) {
    const others = file.exports.filter((name) => name !== ENTRY && !LINKER_EXPORTS.includes(name));
    if (others.length === 0) return undefined;
    const names = `${others.slice(0, 3).join(", ")}${others.length > 3 ? ", ..." : ""}`;
    return `it exports more than ${ENTRY}: ${names} (${others.length})`;
  },
  function glibc({ file }) {
    const highest = highestGlibc(file.versions);
    if (highest === undefined || !isNewer(highest, MAXIMUM_GLIBC)) return undefined;
    return `it needs glibc ${highest}, newer than ${MAXIMUM_GLIBC}`;
  },
  function libraries({ file }) {
    const others = file.libraries.filter((name) => !SYSTEM_LIBRARY.test(name));
    return others.map((name) => `it needs the library ${name}`);
  },
  function searchPaths({ file }) {
    return file.searchPaths.map((path) => `it looks for libraries in ${path}`);
  },
  function symbols({ file }) {
    return [...file.imports, ...file.exports]
      .filter((name) => CPLUSPLUS.test(name))
      .map((name) => `it has the ${V8.test(name) ? "V8 or Node" : "C++"} symbol ${name}`);
  },
  function nodeApi({ file }) {
    const version = nodeApiVersion(file.imports);
    if (version <= MAXIMUM_NODE_API) return undefined;
    const found = version === Infinity ? "a function of no version" : `version ${version}`;
    return `it needs Node-API ${found}, and may need version ${MAXIMUM_NODE_API} at most`;
  },
  function externalMemory({ bytes }) {
    // By its text, for an addon may look functions up by their names.
    const names = bytes.toString("latin1").match(EXTERNAL_MEMORY) ?? [];
    return [...new Set(names)].map((name) => `it knows ${name}, which Electron forbids`);
  },
  function stack({ file }) {
    return file.hasExecutableStack ? "its stack is executable" : undefined;
  },
  function stripped({ file: { unstripped } }) {
    if (unstripped.length === 0) return undefined;
    return `it is not stripped: ${unstripped.slice(0, 3).join(", ")}`;
  },
  function paths({ bytes }) {
    return foreignPaths(bytes).map((path) => `it has a path of the machine that built it: ${path}`);
  },
  function signature({ file }) {
    return file.signatureProblem;
  },
];

/**
 * @param {Candidate} candidate
 * @returns {string[]} what is wrong, a sentence each
 */
export function problemsOf(candidate) {
  return rules.flatMap((rule) => rule(candidate) ?? []);
}
