/**
 * What the devices of a cluster were measured at. They serve every model on the same workers, so that a
 * start with another model measures nothing.
 */

import type { MatmulRates } from "@dllama/bindings";

import { isRecord } from "../is-record.ts";
import { KeptJson } from "./kept-json.ts";

/** Where the rates of the root and these workers are kept, in rank order, for so many threads each. */
export function keptRates(
  cacheFolder: string | undefined,
  workers: readonly string[],
  nThreads: readonly number[],
): KeptJson<MatmulRates[]> {
  const read = (value: unknown): MatmulRates[] | undefined => {
    if (!Array.isArray(value) || value.length !== workers.length + 1) return undefined;
    const rates = value.map(readRates);
    return rates.every((rate) => rate !== undefined) ? rates : undefined;
  };
  return new KeptJson(
    cacheFolder,
    { folder: "rates", name: "rates", read },
    { version: 1, workers, nThreads },
  );
}

function readRates(value: unknown): MatmulRates | undefined {
  const { bytesPerSecond, opsPerSecond } = isRecord(value) ? value : {};
  if (!isRate(bytesPerSecond) || !isRate(opsPerSecond)) return undefined;
  return { bytesPerSecond, opsPerSecond };
}

function isRate(value: unknown): value is number {
  return typeof value === "number" && value >= 1 && value < 1e18;
}
