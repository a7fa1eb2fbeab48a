/**
 * What an addon for Linux says of itself: 64-bit little-endian ELF, by the System V ABI and, for the
 * versions of symbols, the Linux Standard Base.
 */

import { Bytes, MalformedFile } from "./bytes.mjs";

const CPUS = new Map([
  [62, "x64"],
  [183, "arm64"],
]);
const SECTION = { symbols: 2, dynamic: 6, dynamicSymbols: 11, neededVersions: 0x6ffffffe };
const DYNAMIC = { needed: 1, rpath: 15, runpath: 29 };
const PROGRAM_STACK = 0x6474e551;
const EXECUTABLE = 1;
const SYMBOL_BYTES = 24;

/**
 * @param {Buffer} buffer
 * @returns {import("./read.mjs").AddonFile}
 */
export function readElf(buffer) {
  const bytes = new Bytes(buffer);
  if (bytes.u8(4) !== 2 || bytes.u8(5) !== 1)
    throw new MalformedFile("no 64-bit little-endian ELF");
  const machine = bytes.u16(18);
  const sections = readSections(bytes);
  const dynamic = readDynamic(bytes, sections);
  const names = (tag) => dynamic.filter((entry) => entry.tag === tag).map((entry) => entry.name);
  return {
    format: "elf",
    cpu: CPUS.get(machine) ?? `machine ${machine}`,
    ...readDynamicSymbols(bytes, sections),
    libraries: names(DYNAMIC.needed),
    searchPaths: [...names(DYNAMIC.rpath), ...names(DYNAMIC.runpath)],
    versions: readNeededVersions(bytes, sections),
    hasExecutableStack: hasExecutableStack(bytes),
    unstripped: sections
      .filter(({ type, name }) => type === SECTION.symbols || name.startsWith(".debug"))
      .map(({ name }) => name),
  };
}

function readSections(bytes) {
  const table = bytes.u64(40);
  const entryBytes = bytes.u16(58);
  const count = bytes.u16(60);
  if (count === 0) throw new MalformedFile("no section headers");
  const sections = Array.from({ length: count }, (_, i) => {
    const at = table + i * entryBytes;
    return {
      nameAt: bytes.u32(at),
      type: bytes.u32(at + 4),
      offset: bytes.u64(at + 24),
      nBytes: bytes.u64(at + 32),
      link: bytes.u32(at + 40),
    };
  });
  const names = sections[bytes.u16(62)];
  if (names === undefined) throw new MalformedFile("no names of sections");
  return sections.map((section) => ({
    ...section,
    name: bytes.name(names.offset + section.nameAt),
  }));
}

/** The section of that type, and where its names are. */
function find(bytes, sections, type) {
  const section = sections.find((candidate) => candidate.type === type);
  if (section === undefined) return undefined;
  // Whatever is counted below lies in it.
  bytes.slice(section.offset, section.nBytes);
  const names = sections[section.link];
  if (names === undefined) throw new MalformedFile(`no names of ${section.name}`);
  return { ...section, namesAt: names.offset };
}

function readDynamic(bytes, sections) {
  const section = find(bytes, sections, SECTION.dynamic);
  if (section === undefined) throw new MalformedFile("no dynamic section: not a shared library");
  const named = new Set(Object.values(DYNAMIC));
  return Array.from({ length: Math.floor(section.nBytes / 16) }, (_, i) => {
    const at = section.offset + i * 16;
    return { tag: bytes.u64(at), value: bytes.u64(at + 8) };
  })
    .filter(({ tag }) => named.has(tag))
    .map(({ tag, value }) => ({ tag, name: bytes.name(section.namesAt + value) }));
}

function readDynamicSymbols(bytes, sections) {
  const section = find(bytes, sections, SECTION.dynamicSymbols);
  if (section === undefined) throw new MalformedFile("no dynamic symbols");
  const symbols = Array.from({ length: Math.floor(section.nBytes / SYMBOL_BYTES) }, (_, i) => {
    const at = section.offset + i * SYMBOL_BYTES;
    return {
      name: bytes.name(section.namesAt + bytes.u32(at)),
      isDefined: bytes.u16(at + 6) !== 0,
    };
  }).filter(({ name }) => name !== "");
  return {
    imports: symbols.filter(({ isDefined }) => !isDefined).map(({ name }) => name),
    exports: symbols.filter(({ isDefined }) => isDefined).map(({ name }) => name),
  };
}

/** `GLIBC_2.28` and the like, of all libraries: a list of libraries, each with its list of versions. */
function readNeededVersions(bytes, sections) {
  const section = find(bytes, sections, SECTION.neededVersions);
  if (section === undefined) return [];
  return linked(bytes, section.offset, 12).flatMap((library) =>
    linked(bytes, library + bytes.u32(library + 8), 12).map((version) =>
      bytes.name(section.namesAt + bytes.u32(version + 8)),
    ),
  );
}

/** Where the entries of a list are, each of which says how far the next is; the last says 0. */
function linked(bytes, first, nextAt) {
  const entries = [first];
  for (
    let step = bytes.u32(first + nextAt);
    step !== 0;
    step = bytes.u32(entries.at(-1) + nextAt)
  ) {
    entries.push(entries.at(-1) + step);
  }
  return entries;
}

/** A library that says nothing gets an executable stack, as it was long ago. */
function hasExecutableStack(bytes) {
  const table = bytes.u64(32);
  const entryBytes = bytes.u16(54);
  for (let i = 0; i < bytes.u16(56); i += 1) {
    const at = table + i * entryBytes;
    if (bytes.u32(at) === PROGRAM_STACK) return (bytes.u32(at + 4) & EXECUTABLE) !== 0;
  }
  return true;
}
