/** Where the platform wants a program's folders: by an XDG variable, else below the home folder. */

import { isAbsolute, join } from "node:path";

import { homeFolder } from "./home-folder.ts";

/** What decides where a folder is. Defaults to this process's own. */
export interface Place {
  platform?: NodeJS.Platform;
  environment?: Readonly<Record<string, string | undefined>>;
  /** Asked only where no variable names the folder. */
  home?: () => string | undefined;
}

/** How one kind of folder is named. */
interface Kind {
  variable: string;
  /** Below the home folder on macOS, and elsewhere. */
  mac: string;
  other: string;
}

/**
 * dllama's part of a folder, which may not exist yet; undefined for a user without a home folder.
 *
 * The variable counts on every platform where it is set. The XDG specification has relative paths ignored.
 */
export function platformFolder(kind: Kind, place: Place): string | undefined {
  const { platform = process.platform, environment = process.env, home = homeFolder } = place;
  const named = environment[kind.variable] ?? "";
  if (isAbsolute(named)) return join(named, "dllama");
  const below = home();
  if (below === undefined) return undefined;
  return join(below, platform === "darwin" ? kind.mac : kind.other, "dllama");
}
