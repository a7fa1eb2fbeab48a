/**
 * Measured plans, kept between sessions: a plan decides bits, so one model on the same workers goes on
 * with the same one. Who wants a new measurement deletes the file.
 */

import { realpath, stat } from "node:fs/promises";

import type { Measurement, Plan } from "@dllama/bindings";

import { isRecord } from "../is-record.ts";
import { KeptJson } from "./kept-json.ts";

/** A plan with the figures that it was made from. */
export interface KeptPlan extends Plan {
  measurement: Measurement;
}

/** A model file on workers. A changed file or another list of workers is something else. */
export interface Subject {
  version: 1;
  model: string;
  size: number;
  mtimeMs: number;
  workers: readonly string[];
}

/** Of a u32, which is what a plan holds on the wire. */
const MAX_BYTES = 2 ** 32 - 1;

export async function subjectOf(modelPath: string, workers: readonly string[]): Promise<Subject> {
  const model = await realpath(modelPath);
  const { size, mtimeMs } = await stat(model);
  return { version: 1, model, size, mtimeMs, workers };
}

/** Where the plan of a subject is kept. */
export function keptPlan(cacheFolder: string | undefined, subject: Subject): KeptJson<KeptPlan> {
  return new KeptJson(cacheFolder, { folder: "plans", name: "plan", read }, subject);
}

function read(value: unknown): KeptPlan | undefined {
  const plan = isRecord(value) ? value : {};
  const { allReduce, measurement } = plan;
  if (!isRecord(allReduce) || !isRecord(measurement)) return undefined;
  const { scatteredFromBytes } = allReduce;
  const { latencyMs, bytesPerSecond } = measurement;
  if (!isPositive(latencyMs) || !isPositive(bytesPerSecond)) return undefined;
  if (scatteredFromBytes !== null && !isByteCount(scatteredFromBytes)) return undefined;
  return { allReduce: { scatteredFromBytes }, measurement: { latencyMs, bytesPerSecond } };
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

function isByteCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_BYTES;
}
