/** Where a program keeps what it must not lose. */

import { isAbsolute, join } from "node:path";

import { homeFolder } from "./home-folder.ts";

interface Place {
  platform?: NodeJS.Platform;
  environment?: Readonly<Record<string, string | undefined>>;
  /** Asked only where no variable names the folder. */
  home?: () => string | undefined;
}

/**
 * dllama's part of the platform's configuration folder, which may not exist yet; undefined for a user
 * without a home folder.
 *
 * XDG_CONFIG_HOME counts on every platform where it is set. The XDG specification has relative paths
 * ignored.
 */
export function configFolder(place: Place = {}): string | undefined {
  const { platform = process.platform, environment = process.env, home = homeFolder } = place;
  const named = environment["XDG_CONFIG_HOME"] ?? "";
  if (isAbsolute(named)) return join(named, "dllama");
  const below = home();
  if (below === undefined) return undefined;
  return join(below, platform === "darwin" ? "Library/Application Support" : ".config", "dllama");
}
