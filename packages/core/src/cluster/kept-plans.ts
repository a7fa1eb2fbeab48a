/**
 * Measured plans, kept between sessions: a plan decides bits, so one model on the same workers goes on
 * with the same one. A small JSON file each, in the cache folder; who wants a new measurement deletes it.
 */

import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import type { Measurement, Plan } from "@dllama/bindings";

import { isRecord } from "../is-record.ts";

/** A plan with the figures that it was made from. */
export interface KeptPlan extends Plan {
  measurement: Measurement;
}

/** What a plan is for. A changed model file or another list of workers is something else. */
interface Subject {
  version: 1;
  model: string;
  size: number;
  mtimeMs: number;
  workers: readonly string[];
}

/** More bytes are no file of ours: 64 workers with long names take a tenth. */
const MAX_FILE_BYTES = 64 * 1024;
/** Of a u32, which is what a plan holds on the wire. */
const MAX_BYTES = 2 ** 32 - 1;

export class PlanPlace {
  readonly path: string;
  readonly #folder: string;
  readonly #subject: Subject;

  private constructor(folder: string, subject: Subject) {
    const name = createHash("sha256").update(JSON.stringify(subject)).digest("hex").slice(0, 32);
    this.#folder = join(folder, "plans");
    this.path = join(this.#folder, `${name}.json`);
    this.#subject = subject;
  }

  /** Where the plan of a model file on these workers is kept. */
  static async of(
    folder: string,
    modelPath: string,
    workers: readonly string[],
  ): Promise<PlanPlace> {
    const model = await realpath(modelPath);
    const { size, mtimeMs } = await stat(model);
    return new PlanPlace(folder, { version: 1, model, size, mtimeMs, workers });
  }

  /** The kept plan; undefined if there is none, or if the file is damaged or somebody else's. */
  async read(): Promise<KeptPlan | undefined> {
    try {
      const value: unknown = JSON.parse(await readSmallFile(this.path));
      if (!isRecord(value) || !isDeepStrictEqual(value["subject"], { ...this.#subject })) {
        return undefined;
      }
      return readKeptPlan(value["plan"]);
    } catch {
      // Whatever is wrong with it, a measurement is right.
      return undefined;
    }
  }

  /** Keeps a plan. A cache that cannot be written costs the next session a measurement, no more. */
  async write({ allReduce, measurement }: KeptPlan): Promise<void> {
    const plan = { allReduce, measurement };
    const text = `${JSON.stringify({ subject: this.#subject, plan }, undefined, 2)}\n`;
    // Renamed into place whole: two roots that start at once leave one plan, not half of each.
    const draft = `${this.path}.${randomBytes(6).toString("hex")}`;
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeFile(draft, text, { mode: 0o600, flag: "wx" });
      await rename(draft, this.path);
    } catch {
      await rm(draft, { force: true }).catch(() => {});
    }
  }
}

async function readSmallFile(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_FILE_BYTES + 1));
    if (bytesRead > MAX_FILE_BYTES)
      throw new RangeError(`${path}: more than ${MAX_FILE_BYTES} bytes`);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

function readKeptPlan(value: unknown): KeptPlan | undefined {
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
