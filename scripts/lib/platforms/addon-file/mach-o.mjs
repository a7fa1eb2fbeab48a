/** What an addon for macOS says of itself: 64-bit Mach-O for one architecture, by `mach-o/loader.h`. */

import { Bytes, MalformedFile } from "./bytes.mjs";
import { signatureProblem } from "./code-signature.mjs";

const CPUS = new Map([
  [0x0100000c, "arm64"],
  [0x01000007, "x64"],
]);
const COMMAND = {
  symbols: 0x2,
  library: 0xc,
  weakLibrary: 0x80000018,
  searchPath: 0x8000001c,
  codeSignature: 0x1d,
  buildVersion: 0x32,
};
const HEADER_BYTES = 32;
const ALLOWS_EXECUTABLE_STACK = 0x20000;
const SYMBOL_BYTES = 16;
/** In a symbol's type: debuggers' own, visible outside, and where it is defined. */
const SYMBOL = { debugging: 0xe0, external: 0x01, place: 0x0e };

/**
 * @param {Buffer} buffer
 * @returns {import("./read.mjs").AddonFile}
 */
export function readMachO(buffer) {
  const bytes = new Bytes(buffer);
  const cpu = bytes.u32(4);
  const commands = readCommands(bytes);
  const all = (...kinds) => commands.filter(({ kind }) => kinds.includes(kind));
  // A string in a command stands where its third number says.
  const text = ({ at }) => bytes.name(at + bytes.u32(at + 8));
  const [signature] = all(COMMAND.codeSignature);
  const [build] = all(COMMAND.buildVersion);
  return {
    format: "mach-o",
    cpu: CPUS.get(cpu) ?? `CPU ${cpu}`,
    ...readSymbols(bytes, all(COMMAND.symbols)[0]),
    libraries: all(COMMAND.library, COMMAND.weakLibrary).map(text),
    searchPaths: all(COMMAND.searchPath).map(text),
    versions: build ? [`macOS_${versionText(bytes.u32(build.at + 12))}`] : [],
    hasExecutableStack: (bytes.u32(24) & ALLOWS_EXECUTABLE_STACK) !== 0,
    signatureProblem: signature
      ? signatureProblem(
          bytes.slice(bytes.u32(signature.at + 8), bytes.u32(signature.at + 12)),
          buffer,
        )
      : "there is no code signature",
  };
}

function readCommands(bytes) {
  const commands = [];
  let at = HEADER_BYTES;
  for (let i = 0; i < bytes.u32(16); i += 1) {
    const nBytes = bytes.u32(at + 4);
    if (nBytes < 8) throw new MalformedFile(`a load command of ${nBytes} bytes`);
    commands.push({ kind: bytes.u32(at), at });
    at += nBytes;
  }
  return commands;
}

/** Names have the underscore before them that C's have here; it is left out. */
function readSymbols(bytes, command) {
  if (command === undefined) throw new MalformedFile("no symbols");
  const [table, count, namesAt] = [8, 12, 16].map((offset) => bytes.u32(command.at + offset));
  bytes.slice(table, count * SYMBOL_BYTES);
  const symbols = Array.from({ length: count }, (_, i) => {
    const at = table + i * SYMBOL_BYTES;
    const type = bytes.u8(at + 4);
    const name = bytes.name(namesAt + bytes.u32(at)).replace(/^_/, "");
    const isExternal = (type & SYMBOL.external) !== 0 && (type & SYMBOL.debugging) === 0;
    return { name, isExternal, isDefined: (type & SYMBOL.place) !== 0 };
  });
  const external = symbols.filter(({ isExternal }) => isExternal);
  return {
    imports: external.filter(({ isDefined }) => !isDefined).map(({ name }) => name),
    exports: external.filter(({ isDefined }) => isDefined).map(({ name }) => name),
    unstripped: symbols.filter(({ isExternal }) => !isExternal).map(({ name }) => name),
  };
}

/** Nibbles: XXXX.YY.ZZ */
function versionText(version) {
  return `${version >>> 16}.${(version >>> 8) & 0xff}`;
}
