import * as assert from "uvu/assert";
import { DllamaError } from "@dllama/core";
import type { ErrorCode } from "@dllama/core";

/** `run` rejects with a `DllamaError` of this code whose message has each of `parts` in it. */
export async function assertRejects(
  run: () => Promise<unknown>,
  code: ErrorCode,
  ...parts: string[]
): Promise<DllamaError> {
  let caught: unknown;
  try {
    await run();
  } catch (error) {
    caught = error;
  }
  if (!(caught instanceof DllamaError)) {
    throw new Error(`a DllamaError ${code} was expected, got ${String(caught)}`, { cause: caught });
  }
  assert.is(caught.code, code, caught.message);
  for (const part of parts)
    assert.ok(caught.message.includes(part), `"${part}" in: ${caught.message}`);
  return caught;
}
