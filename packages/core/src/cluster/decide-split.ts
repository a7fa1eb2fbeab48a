/**
 * The split of a session: the one that is asked for, the one that was kept, or the best one for what the
 * devices were measured at. Memory is asked for each time, and no split is used that does not fit.
 */

import { isDeepStrictEqual } from "node:util";

import type { Connection, DeviceFacts, MatmulRates } from "@dllama/bindings";

import { DllamaError } from "../errors.ts";
import type { OpenModel } from "../models/open-model.ts";
import { fromNative } from "../native-error.ts";
import type { Device } from "../planning/devices.ts";
import { memoryShortage } from "../planning/memory-shortage.ts";
import { SplitTrial } from "../planning/split-trial.ts";
import type { RankPlan, TrialSetting } from "../planning/split-trial.ts";
import type { KeptJson } from "./kept-json.ts";
import { equalSplit } from "./split.ts";
import type { SplitChoice } from "./split.ts";

export interface DecidedSplit {
  split: readonly number[];
  /**
   * Measured now, kept from a session before, pinned by an option, or `adapted`: changed for this session
   * because a device has too little memory for its part, and not kept.
   */
  origin: "measured" | "kept" | "pinned" | "adapted";
  /** What each rank will take. */
  ranks: RankPlan[];
}

export interface SplitQuestion {
  open: OpenModel;
  choice: SplitChoice;
  connection: Connection;
  /** The workers' addresses, for messages. */
  workers: readonly string[];
  setting: Omit<TrialSetting, "devices">;
  keptSplit: KeptJson<readonly number[]>;
  keptRates: KeptJson<MatmulRates[]>;
}

/** @throws DllamaError OUT_OF_MEMORY where no split fits, with what is missing and what would help. */
export async function decideSplit(question: SplitQuestion): Promise<DecidedSplit> {
  const { choice, connection } = question;
  const isPinned = typeof choice !== "string" || choice === "equal";
  if (isPinned || connection.devices.length === 1) {
    const split = typeof choice === "string" ? equalSplit(connection.devices.length) : choice;
    return { split, origin: "pinned", ranks: requireRoom(question, split, devicesOf(question)) };
  }
  const kept = choice === "measure" ? undefined : await question.keptSplit.read();
  if (kept !== undefined) return keepTo(question, kept);
  const devices = devicesOf(question, await ratesOf(question));
  const split = bestSplit(question, devices);
  const ranks = requireRoom(question, split, devices);
  const roomy = devices.map((device) => ({ ...device, ramBytes: Number.POSITIVE_INFINITY }));
  // Memory may be free again the next time, and then would have shaped the parts for good.
  if (!isDeepStrictEqual(split, bestSplit(question, roomy))) {
    return { split, origin: "adapted", ranks };
  }
  await question.keptSplit.write(split);
  return { split, origin: "measured", ranks };
}

function bestSplit({ open, setting }: SplitQuestion, devices: readonly Device[]): number[] {
  return new SplitTrial(open, { ...setting, devices }).best();
}

function keepTo(question: SplitQuestion, kept: readonly number[]): DecidedSplit {
  const { open, setting } = question;
  const devices = devicesOf(question);
  const split = new SplitTrial(open, { ...setting, devices }).fitted(kept) ?? kept;
  const ranks = requireRoom(question, split, devices);
  return { split, origin: split === kept ? "kept" : "adapted", ranks };
}

async function ratesOf({ choice, connection, keptRates }: SplitQuestion): Promise<MatmulRates[]> {
  const kept = choice === "measure" ? undefined : await keptRates.read();
  if (kept !== undefined) return kept;
  const rates = await fromNative(connection.measureRates());
  await keptRates.write(rates);
  return rates;
}

/** Of equal rates where they do not matter. */
function devicesOf({ connection, workers }: SplitQuestion, rates?: MatmulRates[]): Device[] {
  return connection.devices.map(({ freeBytes }: DeviceFacts, rank) => ({
    name: rank === 0 ? "this device" : (workers[rank - 1] ?? ""),
    gbPerSecond: (rates?.[rank]?.bytesPerSecond ?? 1e9) / 1e9,
    gops: (rates?.[rank]?.opsPerSecond ?? 1e9) / 1e9,
    ramBytes: freeBytes ?? Number.POSITIVE_INFINITY,
  }));
}

function requireRoom(
  { open, setting }: SplitQuestion,
  split: readonly number[],
  devices: readonly Device[],
): RankPlan[] {
  const full = { ...setting, devices };
  const { ranks } = new SplitTrial(open, full).result(split);
  const shortage = memoryShortage(open, full, ranks);
  if (shortage === undefined) return ranks;
  const { message, advice } = shortage;
  throw new DllamaError("OUT_OF_MEMORY", `the model does not fit: ${message}`, {
    hint: `It would fit with ${advice.join("; or with ")}.`,
  });
}
