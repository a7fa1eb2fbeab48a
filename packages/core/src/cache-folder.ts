/** Where a program may keep what it can make again. */

import { platformFolder } from "./platform-folder.ts";
import type { Place } from "./platform-folder.ts";

const KIND = { variable: "XDG_CACHE_HOME", mac: "Library/Caches", other: ".cache" };

/** dllama's part of the platform's cache folder; undefined for a user without a home folder. */
export function cacheFolder(place: Place = {}): string | undefined {
  return platformFolder(KIND, place);
}
