import * as assert from "uvu/assert";
import { DllamaError } from "../../src/errors.ts";
import type { ErrorCode } from "../../src/errors.ts";

/** Runs `action` and asserts that it fails with this code and that the message matches every pattern. */
export async function expectError(
  code: ErrorCode,
  patterns: (RegExp | string)[],
  action: () => unknown,
): Promise<DllamaError> {
  let error: unknown;
  try {
    await action();
  } catch (thrown) {
    error = thrown;
  }
  if (!(error instanceof DllamaError))
    throw new Error(`expected ${code}, got ${String(error)}`, { cause: error });
  assert.is(error.code, code, error.message);
  for (const pattern of patterns) {
    if (typeof pattern === "string")
      assert.ok(error.message.includes(pattern), `${error.message} lacks ${pattern}`);
    else assert.match(error.message, pattern);
  }
  return error;
}
