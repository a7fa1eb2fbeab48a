/** Where a program keeps what it must not lose. */

import { platformFolder } from "./platform-folder.ts";
import type { Place } from "./platform-folder.ts";

const KIND = {
  variable: "XDG_CONFIG_HOME",
  mac: "Library/Application Support",
  other: ".config",
};

/** dllama's part of the platform's configuration folder; undefined for a user without a home folder. */
export function configFolder(place: Place = {}): string | undefined {
  return platformFolder(KIND, place);
}
