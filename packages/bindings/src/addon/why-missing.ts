/** The platform's package is not there. */

import { dirname, join } from "node:path";

import type { Explanation } from "./addon-error.ts";
import { packageName, platforms } from "./platforms.ts";
import type { Platform } from "./platforms.ts";
import type { Surroundings } from "./surroundings.ts";
import { whyInArchive, whyOnMusl } from "./why-refused.ts";

const LOCKFILES = [
  "package-lock.json",
  "npm-shrinkwrap.json",
  "pnpm-lock.yaml",
  "yarn.lock",
  "bun.lock",
];

/** The reasons that show, the most certain first; a left-out optional dependency shows in nothing. */
export function whyMissing(platform: Platform, surroundings: Surroundings): Explanation {
  return (
    whyBundled(surroundings) ??
    whyOnMusl(surroundings) ??
    whyInstalledElsewhere(platform, surroundings) ??
    whyLockedElsewhere(platform, surroundings) ??
    whyInArchive(surroundings) ??
    whyIncomplete(platform, surroundings) ??
    whyLeftOut(platform)
  );
}

/** The loader is part of another file, or claims to be one that only the machine that made the bundle has. */
function whyBundled({ loaderPath, readText }: Surroundings): Explanation | undefined {
  const manifest = loaderPath && readText(join(dirname(dirname(loaderPath)), "package.json"));
  if (manifest && /"name":\s*"@dllama\/bindings"/.test(manifest)) return undefined;
  return {
    problem: "a bundler has moved the loader out of @dllama/bindings, away from the addon",
    hint:
      "Leave @dllama out of the bundle, and install it beside it. esbuild: `--external:@dllama/*`; " +
      "Vite and Rolldown: `external: [/^@dllama\\//]`; " +
      'webpack: `externalsType: "module-import", externals: [/^@dllama\\//]`.',
  };
}

function whyIncomplete(platform: Platform, { resolves }: Surroundings): Explanation | undefined {
  const name = packageName(platform);
  if (!resolves(`${name}/package.json`)) return undefined;
  return {
    problem: `${name} is installed, but its .node file is not there`,
    hint: "Install again; if the app was packed, have the packer take .node files along.",
  };
}

function whyInstalledElsewhere(
  platform: Platform,
  { resolves }: Surroundings,
): Explanation | undefined {
  const other = platforms
    .filter((candidate) => candidate !== platform)
    .map(packageName)
    .find((name) => resolves(`${name}/package.json`));
  if (other === undefined) return undefined;
  return {
    problem: `${packageName(platform)} is not installed, but ${other} is: node_modules is from another system`,
    hint: "Remove node_modules, and install on the system that runs it.",
  };
}

function whyLockedElsewhere(
  platform: Platform,
  surroundings: Surroundings,
): Explanation | undefined {
  const name = packageName(platform);
  const lockfile = findLockfile(surroundings);
  if (lockfile === undefined || lockfile.text.includes(name)) return undefined;
  return {
    problem: `${name} is not installed: ${lockfile.path} does not name it, so it was made on another system`,
    hint: "Remove node_modules and the lockfile, and install again: the new one names all platforms.",
  };
}

/** The nearest lockfile around the loader that knows of dllama. */
function findLockfile({
  loaderPath,
  readText,
}: Surroundings): { path: string; text: string } | undefined {
  for (let folder = loaderPath; folder !== undefined && folder !== dirname(folder);) {
    folder = dirname(folder);
    for (const path of LOCKFILES.map((name) => join(folder ?? "", name))) {
      const text = readText(path);
      if (text?.includes("@dllama/bindings")) return { path, text };
    }
  }
  return undefined;
}

function whyLeftOut(platform: Platform): Explanation {
  return {
    problem: `${packageName(platform)} is not installed`,
    hint:
      "It is an optional dependency: install again without `--omit=optional` or `--no-optional` " +
      "(`npm config get omit` shows a setting).",
  };
}
