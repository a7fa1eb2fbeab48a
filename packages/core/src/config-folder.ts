/** Where a program keeps what it must not lose. */

import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

interface Place {
  platform?: NodeJS.Platform;
  environment?: Readonly<Record<string, string | undefined>>;
  home?: string;
}

/**
 * dllama's part of the platform's configuration folder; it need not exist yet.
 *
 * XDG_CONFIG_HOME counts on every platform where it is set. The XDG specification has relative paths
 * ignored.
 */
export function configFolder(place: Place = {}): string {
  const { platform = process.platform, environment = process.env, home = homedir() } = place;
  const named = environment["XDG_CONFIG_HOME"] ?? "";
  if (isAbsolute(named)) return join(named, "dllama");
  return join(home, platform === "darwin" ? "Library/Application Support" : ".config", "dllama");
}
