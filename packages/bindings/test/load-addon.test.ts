/** The loader's explanations, each in surroundings that call for it. */

import { readFileSync, readdirSync } from "node:fs";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { AddonError } from "../src/addon/addon-error.ts";
import { loadAddon } from "../src/addon/load-addon.ts";
import type { Native } from "../src/addon/native.ts";
import { packageName, platforms } from "../src/addon/platforms.ts";
import { realSurroundings } from "../src/addon/surroundings.ts";
import type { Surroundings } from "../src/addon/surroundings.ts";

const MODULES = "/app/node_modules/@dllama";
const X64 = "@dllama/bindings-linux-x64-gnu";
const ARM64 = "@dllama/bindings-linux-arm64-gnu";

const addon = { physicalCores: () => 4 } as Native;

interface Faked extends Partial<Surroundings> {
  /** Packages that are there, with their addons. */
  installed?: readonly string[];
  /** Text by path. */
  files?: Record<string, string>;
  /** What the system's linker says of the addon. */
  refusal?: string;
}

/** An app in `/app` on a Debian 12 of x64, but for what is said. */
function surroundingsOf({ installed = [X64], files = {}, refusal, ...rest }: Faked): Surroundings {
  const known: Record<string, string> = {
    [`${MODULES}/bindings/package.json`]: `{ "name": "@dllama/bindings" }`,
    ...files,
  };
  return {
    os: "linux",
    cpu: "x64",
    machine: "x86_64",
    cLibrary: () => ({ name: "glibc", version: "2.36" }),
    loaderPath: `${MODULES}/bindings/dist/index.js`,
    exists: (path) => path in known,
    readText: (path) => known[path],
    resolves: (specifier) => installed.includes(specifier.replace(/\/package\.json$/, "")),
    load: (specifier) => {
      if (refusal !== undefined) throw withCode(refusal, "ERR_DLOPEN_FAILED");
      if (installed.includes(specifier)) return addon;
      throw withCode(`Cannot find module '${specifier}'`, "MODULE_NOT_FOUND");
    },
    ...rest,
  };
}

function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

/** The error there, which must say all of these. */
function explains(faked: Faked, ...expected: readonly (string | RegExp)[]): AddonError {
  try {
    loadAddon(surroundingsOf(faked));
  } catch (error) {
    assert.instance(error, AddonError);
    const { message, hint, code, name } = error as AddonError;
    assert.is(code, "ADDON_MISSING");
    // By which the CLI knows an error that has all that a person needs.
    assert.is(name, "DllamaError");
    for (const part of expected) assert.match(`${message}\n${hint}`, part);
    return error as AddonError;
  }
  throw new Error("expected an error");
}

test("an installed package loads its platform's", () => {
  assert.is(loadAddon(surroundingsOf({})), addon);
  const pi = { cpu: "arm64", machine: "aarch64", installed: [ARM64] };
  assert.is(loadAddon(surroundingsOf(pi)), addon);
  const mac = { os: "darwin", cpu: "arm64", installed: ["@dllama/bindings-darwin-arm64"] };
  assert.is(loadAddon(surroundingsOf(mac)), addon);
});

test("whoever loads it need not ask for the C library", () => {
  const cLibrary = (): never => {
    throw new Error("asked");
  };
  assert.is(loadAddon(surroundingsOf({ cLibrary })), addon);
});

test("a clone loads what it has compiled, on whatever platform that was possible", () => {
  const lib = "/clone/packages/bindings/lib/dllama.node";
  const clone = {
    os: "freebsd",
    loaderPath: "/clone/packages/bindings/src/index.ts",
    files: { "/clone/packages/bindings/Cargo.toml": "" },
  };
  const built = { ...clone, files: { ...clone.files, [lib]: "" }, installed: [lib] };
  assert.is(loadAddon(surroundingsOf(built)), addon);
  explains(clone, "freebsd x64", `${lib} is not built`, "pnpm run build");
  explains({ ...built, refusal: "invalid ELF header" }, "invalid ELF header", "pnpm run build");
});

test("the error names platform, architecture, C library and package, and keeps the cause", () => {
  const error = explains({ installed: [] }, "on linux x64 with glibc 2.36", `${X64} is not`);
  assert.match((error.cause as Error).message, "Cannot find module");
  const unknown = () => ({ name: "unknown" }) as const;
  explains({ installed: [], cLibrary: unknown }, "linux x64 with an unknown C library");
  explains(
    { os: "darwin", cpu: "arm64", installed: [] },
    "on darwin arm64:",
    "-darwin-arm64 is not",
  );
});

test("a 32-bit Raspberry Pi OS on a 32-bit kernel", () => {
  const pi = { cpu: "arm", machine: "armv7l", installed: [] };
  explains(pi, "linux arm", "32-bit program (armv7l)", "64-bit Raspberry Pi OS");
});

test("a 32-bit system on a 64-bit kernel, as Raspberry Pi OS has it by default on a Pi 4", () => {
  const pi = { cpu: "arm", machine: "aarch64", installed: [] };
  explains(pi, "kernel is 64-bit (aarch64)", "a 64-bit kernel alone is not enough");
});

test("Alpine, whether the package is left out or does not load", () => {
  const cLibrary = () => ({ name: "musl" }) as const;
  const refusal = "Error loading shared library ld-linux-x86-64.so.2: No such file or directory";
  explains({ cLibrary, installed: [] }, "linux x64 with musl", "Alpine", "node:20-slim");
  explains({ cLibrary, refusal }, "linux x64 with musl", "Alpine", "node:20-slim");
});

test("Windows", () => {
  explains({ os: "win32", installed: [] }, "win32 x64", "not built for Windows", "WSL 2");
});

test("a Mac with an Intel processor, or with Node for one", () => {
  const mac = { os: "darwin", machine: "x86_64", installed: [] };
  explains(mac, "darwin x64", "Intel", "install Node for arm64");
});

test("a platform that nobody has thought of", () => {
  explains({ cpu: "riscv64", installed: [] }, "linux riscv64", "linux-arm64-gnu", "clone");
});

test("optional dependencies that were left out", () => {
  const lockfile = `"node_modules/${X64}": { "optional": true }, "node_modules/@dllama/bindings"`;
  explains({ installed: [] }, `${X64} is not installed`, "--omit=optional");
  const files = { "/app/package-lock.json": lockfile };
  explains({ installed: [], files }, `${X64} is not installed`, "--omit=optional");
});

test("a lockfile that another system made", () => {
  const lockfile = `"node_modules/@dllama/bindings-darwin-arm64": {}`;
  for (const name of ["package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"]) {
    const files = { [`/app/${name}`]: lockfile, "/package-lock.json": X64 };
    explains({ installed: [], files }, `/app/${name} does not name it`, "another system");
  }
});

test("a lockfile of something else is no evidence", () => {
  const files = { "/app/package-lock.json": `"node_modules/left-pad": {}` };
  explains({ installed: [], files }, "--omit=optional");
});

test("a node_modules that was copied from another system", () => {
  const other = "@dllama/bindings-darwin-arm64";
  explains(
    { installed: [other] },
    `${X64} is not installed, but ${other} is`,
    "Remove node_modules",
  );
});

test("a bundler that made the loader part of another file", () => {
  const lines = ["--external:@dllama/*", "external: [/^@dllama\\//]", "externals: [/^@dllama\\//]"];
  // A bundle in the format of CommonJS has no import.meta.url.
  for (const loaderPath of ["/app/dist/main.js", "/made/elsewhere/index.js", undefined]) {
    explains({ installed: [], loaderPath }, "bundler", ...lines);
  }
});

test("a bundle beside its node_modules works", () => {
  assert.is(loadAddon(surroundingsOf({ loaderPath: "/app/dist/main.js" })), addon);
});

test("an asar archive that holds the addon", () => {
  const folder = "/opt/app/resources/app.asar/node_modules/@dllama/bindings";
  const app = {
    loaderPath: `${folder}/dist/index.js`,
    files: { [`${folder}/package.json`]: `{ "name": "@dllama/bindings" }` },
  };
  explains({ ...app, refusal: "cannot open shared object file: Not a directory" }, "asarUnpack");
  explains({ ...app, installed: [] }, "asar archive", "asarUnpack");
  assert.is(loadAddon(surroundingsOf(app)), addon);
});

test("glibc that is too old", () => {
  const refusal =
    "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.27' not found (required by /app/dllama.node)";
  const cLibrary = () => ({ name: "glibc", version: "2.24" }) as const;
  explains({ cLibrary, refusal }, "needs glibc 2.28", "system has glibc 2.24", "Debian 10");
});

test("a package without its file", () => {
  const load = (): never => {
    throw withCode("Cannot find module 'dllama.node'", "MODULE_NOT_FOUND");
  };
  explains({ load }, `${X64} is installed, but its .node file is not there`);
});

test("anything else is said in the system's words", () => {
  explains({ refusal: "failed to map segment: Operation not permitted" }, "does not load", "map");
});

test("the loader's table agrees with the packages", () => {
  const folder = new URL("../npm/", import.meta.url);
  const manifests = readdirSync(folder).map((name) =>
    JSON.parse(readFileSync(new URL(`${name}/package.json`, folder), "utf8")),
  );
  const inPackages = manifests.map(({ name, os, cpu, libc }) => ({ name, os, cpu, libc }));
  const inTable = platforms.map((platform) => ({
    name: packageName(platform),
    os: [platform.os],
    cpu: [platform.cpu],
    libc: platform.os === "linux" ? ["glibc"] : undefined,
  }));
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
  assert.equal(inPackages.toSorted(byName), inTable.toSorted(byName));
});

test("the real surroundings are those of this process", () => {
  const real = realSurroundings(new URL("../src/index.ts", import.meta.url).href);
  assert.is(real.os, process.platform);
  assert.is(real.resolves("nothing-of-this-name"), false);
  assert.is(real.readText("/nothing/of/this/name"), undefined);
  if (process.platform === "linux") {
    const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
    const { glibcVersionRuntime: version } = report.header;
    if (version !== undefined) assert.equal(real.cLibrary(), { name: "glibc", version });
  }
  assert.type(loadAddon(real).physicalCores(), "number");
});

test("in a bundle that cannot say where it is, nothing of the working folder is loaded", () => {
  const real = realSurroundings(undefined);
  assert.is(real.resolves("uvu"), false);
  assert.is(realSurroundings("webpack:///x.js").loaderPath, undefined);
});

test.run();
