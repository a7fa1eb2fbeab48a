/** Finds the addon, loads it, and says why if that fails. */

import { dirname, join } from "node:path";

import { AddonError } from "./addon-error.ts";
import type { Explanation } from "./addon-error.ts";
import type { Native } from "./native.ts";
import { packageName, platforms } from "./platforms.ts";
import type { Surroundings } from "./surroundings.ts";
import { whyMissing } from "./why-missing.ts";
import { whyRefused } from "./why-refused.ts";
import { whyUnsupported } from "./why-unsupported.ts";

/**
 * A clone loads what it has compiled, whatever the platform; an installed package loads the
 * platform's package.
 *
 * @throws AddonError
 */
export function loadAddon(surroundings: Surroundings): Native {
  const clone = cloneFolder(surroundings);
  if (clone !== undefined) return loadCompiled(clone, surroundings);

  const { os, cpu } = surroundings;
  const platform = platforms.find((known) => known.os === os && known.cpu === cpu);
  if (platform === undefined)
    throw new AddonError(place(surroundings), whyUnsupported(surroundings));
  try {
    return surroundings.load(packageName(platform));
  } catch (cause) {
    const why = isNotFound(cause) ? whyMissing : whyRefused;
    throw new AddonError(place(surroundings), why(platform, surroundings, cause), cause);
  }
}

function loadCompiled(folder: string, surroundings: Surroundings): Native {
  const path = join(folder, "lib", "dllama.node");
  if (!surroundings.exists(path)) {
    const hint = "Run `pnpm run build` in this clone.";
    throw new AddonError(place(surroundings), { problem: `${path} is not built`, hint });
  }
  try {
    return surroundings.load(path);
  } catch (cause) {
    const explanation: Explanation = {
      problem: cause instanceof Error ? cause.message : String(cause),
      hint: `Remove ${dirname(path)}, and run \`pnpm run build\` on this machine.`,
    };
    throw new AddonError(place(surroundings), explanation, cause);
  }
}

/** `packages/bindings` of a clone, which alone has the Rust sources beside the loader's. */
function cloneFolder({ loaderPath, exists }: Surroundings): string | undefined {
  if (loaderPath === undefined) return undefined;
  const folder = dirname(dirname(loaderPath));
  return exists(join(folder, "Cargo.toml")) ? folder : undefined;
}

/** What Node's and Bun's `require` and Yarn's Plug'n'Play say of a package that is not installed. */
function isNotFound(cause: unknown): boolean {
  if (!(cause instanceof Error) || !("code" in cause)) return false;
  return cause.code === "MODULE_NOT_FOUND" || cause.code === "ERR_MODULE_NOT_FOUND";
}

/** `linux x64 with glibc 2.36` */
function place({ os, cpu, cLibrary }: Surroundings): string {
  if (os !== "linux") return `${os} ${cpu}`;
  const library = cLibrary();
  if (library.name === "unknown") return `${os} ${cpu} with an unknown C library`;
  return `${os} ${cpu} with ${library.name}${library.name === "glibc" ? ` ${library.version}` : ""}`;
}
