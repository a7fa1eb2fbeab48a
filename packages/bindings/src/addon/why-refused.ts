/** The addon's file was found, and the system does not load it. */

import type { Explanation } from "./addon-error.ts";
import { MINIMUM_GLIBC, packageName } from "./platforms.ts";
import type { Platform } from "./platforms.ts";
import type { Surroundings } from "./surroundings.ts";

export function whyRefused(
  platform: Platform,
  surroundings: Surroundings,
  cause: unknown,
): Explanation {
  const message = cause instanceof Error ? cause.message : String(cause);
  return (
    whyOldGlibc(surroundings, message) ??
    whyOnMusl(surroundings) ??
    whyInArchive(surroundings) ?? {
      problem: `${packageName(platform)} is installed, but does not load: ${message}`,
      hint: "Install again. If that does not help, report this message.",
    }
  );
}

/** The linker's words: `libc.so.6: version `GLIBC_2.34' not found (required by ...)`. */
function whyOldGlibc({ cLibrary }: Surroundings, message: string): Explanation | undefined {
  // Which version it names is chance: the first of those that are missing.
  if (!/version [`'"]GLIBC_[\d.]+['"] not found/.test(message)) return undefined;
  const library = cLibrary();
  const found = library.name === "glibc" ? library.version : "of an unknown version";
  return {
    problem: `it needs glibc ${MINIMUM_GLIBC}, and the system has glibc ${found}`,
    hint: "Update the system: Debian 10, Ubuntu 20.04, RHEL 8 and newer have it.",
  };
}

export function whyOnMusl({ os, cLibrary }: Surroundings): Explanation | undefined {
  if (os !== "linux" || cLibrary().name !== "musl") return undefined;
  return {
    problem: "the system's C library is musl, as in Alpine Linux, and dllama needs glibc",
    hint: "Use a system or an image with glibc: `node:20-slim` in place of `node:20-alpine`.",
  };
}

/** An asar is one file: the system's linker finds nothing inside. */
export function whyInArchive({ loaderPath }: Surroundings): Explanation | undefined {
  if (loaderPath === undefined || !/\.asar[\\/]/.test(loaderPath)) return undefined;
  return {
    problem: "the app's asar archive holds the addon, and the system loads it from a folder alone",
    hint: 'Unpack it: `"asarUnpack": ["**/node_modules/@dllama/**"]` in electron-builder\'s settings.',
  };
}
