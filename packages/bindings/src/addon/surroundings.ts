/**
 * What the loader looks at, as one object: the tests hand in the surroundings of an Alpine, a bundle
 * or a 32-bit Raspberry Pi OS, and nothing global is replaced.
 */

import { existsSync, readFileSync } from "node:fs";
import nodeModule from "node:module";
import { machine } from "node:os";
import { fileURLToPath } from "node:url";

import type { Native } from "./native.ts";

export type CLibrary =
  | { readonly name: "glibc"; readonly version: string }
  | { readonly name: "musl" }
  | { readonly name: "unknown" };

export interface Surroundings {
  /** `process.platform`, `process.arch`, and the kernel's word for the machine (`aarch64`, `armv7l`). */
  readonly os: string;
  readonly cpu: string;
  readonly machine: string;
  /** Asked on Linux alone, and only when something is wrong: it takes milliseconds. */
  readonly cLibrary: () => CLibrary;
  /** Where the loader's own file is, as far as `import.meta.url` says; undefined in a CommonJS bundle. */
  readonly loaderPath: string | undefined;
  readonly exists: (path: string) => boolean;
  /** A text file's content; undefined if it cannot be read. */
  readonly readText: (path: string) => string | undefined;
  /** Loads a package or an absolute path as `require` in the loader's file does. */
  readonly load: (specifier: string) => Native;
  /** Whether `require` in the loader's file would find this. */
  readonly resolves: (specifier: string) => boolean;
}

/**
 * Those of this process.
 *
 * @param loaderUrl the loader's `import.meta.url`
 */
export function realSurroundings(loaderUrl: string | undefined): Surroundings {
  const loaderPath = loaderUrl?.startsWith("file:") ? fileURLToPath(loaderUrl) : undefined;
  // `import` takes no .node files in Node 20, and bundlers follow an import. They leave alone a require
  // that is made at run time, and what it is asked for is decided at run time, too: a bundle that is
  // made on one platform runs on another.
  // Called by this name, for webpack replaces a `createRequire` that it imports by name with `undefined`.
  // Never from the working folder, which may be anybody's.
  const load = nodeModule.createRequire(loaderPath ?? "/");
  return {
    os: process.platform,
    cpu: process.arch,
    machine: machine(),
    cLibrary,
    loaderPath,
    exists: existsSync,
    readText: (path) => succeeds(() => readFileSync(path, "utf8")),
    load,
    resolves: (specifier) => succeeds(() => load.resolve(specifier)) !== undefined,
  };
}

interface Report {
  readonly header?: { readonly glibcVersionRuntime?: string };
  readonly sharedObjects?: readonly string[];
}

function cLibrary(): CLibrary {
  const { header, sharedObjects = [] } = diagnosticReport();
  const version = header?.glibcVersionRuntime;
  if (version !== undefined) return { name: "glibc", version };
  const isMusl = sharedObjects.some((path) => /\bld-musl-|\blibc\.musl-/.test(path));
  return { name: isMusl ? "musl" : "unknown" };
}

function diagnosticReport(): Report {
  // Otherwise it looks the names of all open connections up, which may take as long as it likes.
  // Node 20 has the property; its types lack it.
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const before = report.excludeNetwork ?? false;
  report.excludeNetwork = true;
  try {
    return report.getReport();
  } finally {
    report.excludeNetwork = before;
  }
}

function succeeds<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
