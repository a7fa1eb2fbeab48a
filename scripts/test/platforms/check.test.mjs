/** The check of prebuilt addons finds each fault in a file that has it. */

import { readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { MalformedFile, readAddonFile } from "../../lib/platforms/addon-file/read.mjs";
import { highestGlibc, isNewer } from "../../lib/platforms/glibc.mjs";
import { judge } from "../../lib/platforms/judge.mjs";
import { foreignPaths } from "../../lib/platforms/machine-paths.mjs";
import { nodeApiVersion } from "../../lib/platforms/node-api.mjs";
import { report } from "../../lib/platforms/report.mjs";
import { temporaryFolder } from "../temporary-folder.mjs";
import { cannotCompile, compileAddon } from "./tiny-addon.mjs";

const folder = temporaryFolder();
const STRIPPED = ["-nostdlib", "-s"];
/** The last section header ends the file, and not all of it is read. */
const LAST_HEADER_BYTES = 64;
let nMade = 0;

function compile(fault) {
  nMade += 1;
  return compileAddon(join(folder, String(nMade)), fault);
}

/** A file that has this fault, and no other. */
function finds(fault, expected) {
  const { problems } = judge(compile(fault));
  assert.is(problems.length, 1, problems.join("\n"));
  assert.match(problems[0], expected);
}

function elf(name, body) {
  if (cannotCompile() === undefined) test(name, body);
  else test.skip(`${name}: ${cannotCompile()}`, body);
}

elf("a file without fault has no problem, and its facts are told", () => {
  const { problems, facts } = judge(compile());
  assert.equal(problems, []);
  assert.is(facts["Node-API"], "1");
  assert.is(facts["needs at least"], "nothing");
});

elf("a newer glibc", () => {
  // Since glibc 2.34 it is in libc.so.6, by a version of its own.
  const code = `int pthread_create(void *, void *, void *, void *);
    void use(void) __asm__("napi_register_module_v1_use");
    static void *keep(void) { return (void *)pthread_create; }
    __attribute__((section(".init_array"))) static void *(*kept)(void) = keep;`;
  const path = compile({ code, flags: ["-s", "-nostartfiles", "-lpthread"] });
  assert.match(judge(path).problems.join("\n"), /needs glibc 2\.\d+, newer than 2\.28/);
});

elf("a library that users need not have", () => {
  const other = compile({ name: "libother.so", flags: [...STRIPPED, "-Wl,-soname,libother.so"] });
  finds({ flags: [...STRIPPED, "-Wl,--no-as-needed", other] }, "library libother.so");
});

elf("a search path", () => {
  finds({ flags: [...STRIPPED, "-Wl,-rpath,/nowhere"] }, "looks for libraries in /nowhere");
});

elf("a symbol of V8, and one of C++", () => {
  const v8 = "_ZN2v87Isolate10GetCurrentEv";
  finds(
    {
      code: `void ${v8}(void); void *f(void) __attribute__((visibility("hidden"))); void *f(void) { return ${v8}; }`,
    },
    `V8 or Node symbol ${v8}`,
  );
  finds(
    {
      code: `void _Znwm(void); void *f(void) __attribute__((visibility("hidden"))); void *f(void) { return _Znwm; }`,
    },
    "C++ symbol _Znwm",
  );
});

elf("memory that Electron forbids, called or looked up by name", () => {
  for (const name of ["napi_create_external_arraybuffer", "napi_create_external_buffer"]) {
    const calls = `void ${name}(void); __attribute__((visibility("hidden"))) void *f(void) { return ${name}; }`;
    finds({ code: calls }, `knows ${name}`);
    const looksUp = `__attribute__((visibility("hidden"))) const char *f(void) { return "${name}"; }`;
    finds({ code: looksUp }, `knows ${name}`);
  }
});

elf("a Node-API that is newer, or experimental", () => {
  const calls = (name) =>
    `void ${name}(void); __attribute__((visibility("hidden"))) void *f(void) { return ${name}; }`;
  finds({ code: calls("node_api_create_property_key_utf8") }, "Node-API version 10");
  finds({ code: calls("node_api_create_object_with_properties") }, "a function of no version");
});

elf("an executable stack", () => {
  finds({ flags: [...STRIPPED, "-Wl,-z,execstack"] }, "stack is executable");
});

elf("a file that is not stripped", () => {
  finds({ flags: ["-nostdlib"] }, "not stripped: .symtab");
});

elf("a path of the machine that built it", () => {
  const holding = (path) =>
    `__attribute__((visibility("hidden"))) const char *f(void) { return "at${path}"; }`;
  for (const path of [
    "/home/somebody/dllama/a.rs",
    "/Users/runner/work/a.rs",
    "/root/.cargo/a.rs",
  ]) {
    finds({ code: holding(path) }, `built it: ${path}`);
  }
});

elf("another architecture than its name says", () => {
  finds({ name: "dllama.linux-arm64-gnu.node" }, "expected elf for arm64, got elf for x64");
  const { problems } = judge(compile({ name: "dllama.darwin-arm64.node" }));
  assert.match(problems[0], "expected mach-o for arm64, got elf for x64");
});

elf("a library that is no addon, or exports more than an addon does", () => {
  const code = '__attribute__((visibility("hidden"))) int f(void) { return 1; }';
  finds({ isWhole: true, code }, "does not export napi_register_module_v1");
  finds(
    { code: "void *malloc(unsigned long n) { return 0; }" },
    "exports more than napi_register_module_v1: malloc (1)",
  );
});

elf("files that are cut off or damaged are refused, whatever they say", () => {
  const good = readFileSync(compile());
  for (let nBytes = 0; nBytes < good.length - LAST_HEADER_BYTES; nBytes += 7) {
    assert.throws(
      () => readAddonFile(good.subarray(0, nBytes)),
      (e) => e instanceof MalformedFile,
    );
  }
  for (let at = 0; at < good.length; at += 1) {
    const damaged = Buffer.from(good);
    damaged[at] ^= 0xff;
    try {
      readAddonFile(damaged);
    } catch (error) {
      assert.instance(error, MalformedFile, `byte ${at}: ${error.stack}`);
    }
  }
});

test("no file, no addon's name, no addon", () => {
  const missing = join(folder, "none", "dllama.linux-x64-gnu.node");
  assert.match(judge(missing).problems[0], "build-platforms.mjs linux-x64-gnu");
  assert.match(judge("dllama.node").problems[0], "expected a file named dllama.linux-x64-gnu.node");
  const text = join(folder, "dllama.linux-arm64-gnu.node");
  writeFileSync(text, "#!/bin/sh\n");
  assert.match(judge(text).problems[0], "neither a 64-bit ELF nor a 64-bit Mach-O");
});

test("versions are numbers", () => {
  assert.is(highestGlibc(["GLIBC_2.4", "GLIBC_2.28", "GLIBC_2.3.4", "GCC_3.0"]), "2.28");
  assert.is(highestGlibc(["macOS_12.0"]), undefined);
  assert.not(isNewer("2.28", "2.28"));
  assert.not(isNewer("2.4", "2.28"));
  assert.ok(isNewer("2.28.1", "2.28"));
});

test("the version of Node-API is that of the newest function", () => {
  assert.is(nodeApiVersion(["napi_create_object", "malloc"]), 1);
  assert.is(nodeApiVersion(["napi_create_object", "napi_type_tag_object"]), 8);
});

test("paths of this very machine are found, wherever its users' folders are", () => {
  const bytes = Buffer.from(`x\0called in${homedir()}/a/b.rs\0/usr/lib/debug`);
  assert.equal(foreignPaths(bytes), [`${homedir()}/a/b.rs`]);
  assert.equal(foreignPaths(Buffer.from("/srv/ci/dllama/a.rs"), ["/srv/ci"]), [
    "/srv/ci/dllama/a.rs",
  ]);
});

test("the report is a table with the problems below", () => {
  const good = { path: "/a/x.node", problems: [], facts: { bytes: "1,000", NEEDED: "libc.so.6" } };
  const text = report([good, { path: "/a/y.node", problems: ["it is not there"] }]);
  assert.equal(text.split("\n"), [
    "| file   | bytes | NEEDED    |",
    "| ------ | ----- | --------- |",
    "| x.node | 1,000 | libc.so.6 |",
    "/a/y.node: it is not there",
  ]);
});

test.run();
