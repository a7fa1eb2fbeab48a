/**
 * The check of an addon for macOS. `tiny-mach-o.node.gz` is a real one, linked by zig 0.17.1 and stripped by
 * LLVM's objcopy, of an addon that creates an object:
 *
 *   zig cc -target aarch64-macos.12.0 -shared -O2 -Wl,-undefined,dynamic_lookup \
 *     -Wl,-install_name,@rpath/tiny.node -o tiny.dylib tiny.c
 *   llvm-objcopy -x tiny.dylib tiny.node && gzip -9n tiny.node
 */

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { MalformedFile, readAddonFile } from "../../lib/platforms/addon-file/read.mjs";
import { judge } from "../../lib/platforms/judge.mjs";
import { temporaryFolder } from "../temporary-folder.mjs";

const good = gunzipSync(readFileSync(new URL("tiny-mach-o.node.gz", import.meta.url)));
const path = join(temporaryFolder(), "dllama.darwin-arm64.node");

/** Of the header, and of a load command. */
const CPU = 4;
const N_COMMANDS = 16;
const FLAGS = 24;
const CODE_SIGNATURE = 0x1d;
const SYMBOLS = 0x2;

function command(kind) {
  let at = 32;
  for (let i = 0; i < good.readUInt32LE(N_COMMANDS); i += 1) {
    if (good.readUInt32LE(at) === kind) return at;
    at += good.readUInt32LE(at + 4);
  }
  throw new Error(`no load command ${kind}`);
}

/** @returns {string[]} the problems of the file after a change, which signs its first page again */
function problemsAfter(change, { isSigned = true } = {}) {
  const bytes = Buffer.from(good);
  change(bytes);
  if (isSigned) signFirstPage(bytes);
  writeFileSync(path, bytes);
  return judge(path).problems;
}

function signFirstPage(bytes) {
  const signature = bytes.readUInt32LE(command(CODE_SIGNATURE) + 8);
  const directory = signature + bytes.readUInt32BE(signature + 16);
  const hashesAt = directory + bytes.readUInt32BE(directory + 16);
  const page = bytes.subarray(0, 2 ** bytes.readUInt8(directory + 39));
  createHash("sha256").update(page).digest().copy(bytes, hashesAt);
}

test("a file without fault has no problem, and its facts are told", () => {
  assert.equal(
    problemsAfter(() => {}, { isSigned: false }),
    [],
  );
  const { facts } = judge(path);
  assert.is(facts["needs at least"], "macOS 12.0");
  assert.is(facts.NEEDED, "/usr/lib/libSystem.B.dylib");
  assert.is(facts["Node-API"], "1");
});

test("a page that was changed after it was signed", () => {
  const change = (bytes) => bytes.writeUInt8(bytes.readUInt8(0x1000) ^ 1, 0x1000);
  assert.equal(problemsAfter(change, { isSigned: false }), [
    "page 1 was changed after it was signed",
  ]);
});

test("no signature", () => {
  const change = (bytes) => bytes.writeUInt32LE(0x1e, command(CODE_SIGNATURE));
  assert.equal(problemsAfter(change), ["there is no code signature"]);
});

test("an executable stack", () => {
  const change = (bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(FLAGS) | 0x20000, FLAGS);
  assert.equal(problemsAfter(change), ["its stack is executable"]);
});

test("another architecture", () => {
  const change = (bytes) => bytes.writeUInt32LE(0x01000007, CPU);
  assert.equal(problemsAfter(change), ["expected mach-o for arm64, got mach-o for x64"]);
});

test("a symbol that only debuggers use", () => {
  const [table, count, names] = [8, 12, 16].map((at) => good.readUInt32LE(command(SYMBOLS) + at));
  const symbols = Array.from({ length: count }, (_, i) => table + i * 16);
  const name = (symbol) =>
    good.toString("latin1", names + good.readUInt32LE(symbol)).split("\0")[0];
  const header = symbols.find((symbol) => name(symbol) === "__mh_dylib_header");
  // 0x64 is the type of a source file's name.
  const [problem] = problemsAfter((bytes) => bytes.writeUInt8(0x64, header + 4));
  assert.is(problem, "it is not stripped: _mh_dylib_header");
});

test("files that are cut off or damaged are refused, whatever they say", () => {
  for (let nBytes = 0; nBytes < 0x1000; nBytes += 5) {
    assert.throws(
      () => readAddonFile(good.subarray(0, nBytes)),
      (error) => error instanceof MalformedFile,
    );
  }
  for (let at = 0; at < 0x600; at += 1) {
    const damaged = Buffer.from(good);
    damaged[at] ^= 0xff;
    try {
      readAddonFile(damaged);
    } catch (error) {
      assert.instance(error, MalformedFile, `byte ${at}: ${error.stack}`);
    }
  }
});

test.run();
