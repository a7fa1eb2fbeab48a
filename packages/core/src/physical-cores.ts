/** Physical cores that this process may run on, within its control group's quota. */

import { physicalCores as ofAddon } from "@dllama/bindings";

import { asDllamaError } from "./native-error.ts";

/** @throws DllamaError ADDON_MISSING: it is often the first that is asked of the addon. */
export function physicalCores(): number {
  try {
    return ofAddon();
  } catch (error) {
    throw asDllamaError(error);
  }
}
