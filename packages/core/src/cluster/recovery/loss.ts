/** Which errors mean that a rank is gone for now, and what they say of it. */

import { DllamaError } from "../../errors.ts";

/** A rank that is gone. */
export interface Loss {
  error: DllamaError;
  rank: number;
  address: string;
}

/** What the addon's errors say of a rank, in any mix. */
interface Facts {
  rank?: number;
  address?: string;
  mayPass?: true;
}

/** The loss that ended a forward; undefined if it was something else. */
export function lossOf(error: unknown): Loss | undefined {
  if (!(error instanceof DllamaError)) return undefined;
  const { rank = 0, address = "" } = factsOf(error);
  const isLoss =
    error.code === "PEER_LOST" ||
    // Another rank noticed it first, or the worker was told to end.
    (error.code === "PEER_FAILED" && mayPass(error));
  return isLoss ? { error, rank, address } : undefined;
}

/** Whether a load that failed may succeed a little later: nobody answers yet, or is busy still. */
export function mayPass(error: unknown): boolean {
  return error instanceof DllamaError && factsOf(error).mayPass === true;
}

/** The worker that an error is about, as it was named; undefined if it is about none. */
export function addressIn(error: unknown): string | undefined {
  return error instanceof DllamaError ? factsOf(error).address : undefined;
}

function factsOf({ cause }: DllamaError): Facts {
  return isFromAddon(cause) ? cause : {};
}

function isFromAddon(value: unknown): value is Facts {
  return value instanceof Error;
}
