/** A row whose numbers have ended is no result: it ends its own generation, and neither engine nor rank is lost. */

import type { ForwardResult } from "@dllama/bindings";

/**
 * The result, if all its rows are finite.
 *
 * @throws The addon's error with the code NUMBER_NOT_FINITE for the first row that has failed: it names layer and op.
 */
export function requireFinite(result: ForwardResult): ForwardResult {
  const [failure] = result.failures;
  if (failure !== undefined) throw failure;
  return result;
}
