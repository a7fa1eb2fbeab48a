/** What a model would take and give on devices, without running anything. */

import { isDeepStrictEqual } from "node:util";

import { DllamaError } from "../errors.ts";
import { readGguf } from "../gguf/read-gguf.ts";
import { chooseSeqLen } from "../choose-seq-len.ts";
import { equalSplit, requireSplit } from "../cluster/split.ts";
import type { SplitChoice } from "../cluster/split.ts";
import { openModel } from "../models/model-family.ts";
import { allReduceThreshold } from "./all-reduce-threshold.ts";
import { prefillTokensPerSecond } from "./costs.ts";
import type { TokenTime } from "./costs.ts";
import type { Device } from "./devices.ts";
import { LINKS } from "./links.ts";
import type { Link } from "./links.ts";
import { memoryShortage } from "./memory-shortage.ts";
import type { MemoryShortage } from "./memory-shortage.ts";
import { SplitTrial } from "./split-trial.ts";
import type { RankPlan } from "./split-trial.ts";

/** Nothing runs that could be measured. */
export type PlannedSplit = Exclude<SplitChoice, "measure">;

export interface PlanModelOptions {
  /** A GGUF file; its weights are not read. */
  path: string;
  /** The ranks' devices, the root first. */
  devices: readonly Device[];
  /** Defaults to `1gbit`. */
  link?: Link | undefined;
  /** Defaults to `auto`. */
  split?: PlannedSplit | undefined;
  /** Positions of prompt and continuation. Defaults to the smaller of the model's and 4096. */
  maxSeqLen?: number | undefined;
  /** Defaults to `q80`. */
  bufferFloatType?: "q80" | "f32" | undefined;
  /** Defaults to `f16`. */
  kvCacheType?: "f16" | "q80" | "f32" | undefined;
  /** Which way partial sums take. Defaults to `auto`: the faster one for their size. */
  allReduce?: "auto" | "direct" | "scattered" | undefined;
  /** Positions that are in the KV cache when the token is computed. Defaults to `0`. */
  depth?: number | undefined;
}

export interface ModelPlan {
  split: readonly number[];
  /** Whether `split` is the best one that was found, or the one that was asked for. */
  isBest: boolean;
  scatteredFromBytes: number | null;
  seqLen: number;
  ranks: RankPlan[];
  /** Expected time of a generated token. */
  token: TokenTime;
  /** Expected tokens a second of a long prompt. */
  prefillTokensPerSecond: number;
  /** Parts that were asked for are compared with the best ones; undefined where they are the best ones. */
  best: { split: readonly number[]; token: TokenTime } | undefined;
  /** What is missing, and what would make it fit; undefined where every rank has the memory. */
  shortage: MemoryShortage | undefined;
}

/** @throws DllamaError of the file, TOO_MANY_RANKS, INVALID_ARGUMENT. */
export async function planModel(options: PlanModelOptions): Promise<ModelPlan> {
  const open = await openModel(await readGguf(options.path));
  const { devices, link = LINKS["1gbit"], split: choice = "auto", depth = 0 } = options;
  const seqLen = chooseSeqLen(open, options.maxSeqLen);
  requireDepth(depth, seqLen);
  const scatteredFromBytes = thresholdOf(options, link);
  const types = {
    bufferFloatType: options.bufferFloatType ?? ("q80" as const),
    kvCacheType: options.kvCacheType ?? ("f16" as const),
  };
  const setting = { ...types, devices, link, seqLen, scatteredFromBytes, depth };
  const trial = new SplitTrial(open, setting);
  const best = trial.best();
  const split = readChoice(choice, devices.length) ?? best;
  const { phases, ranks, token } = trial.result(split);
  const isBest = isDeepStrictEqual(proportions(split), proportions(best));
  return {
    split,
    isBest,
    scatteredFromBytes,
    seqLen,
    ranks,
    token,
    prefillTokensPerSecond: prefillTokensPerSecond(phases, devices, link),
    best: isBest ? undefined : { split: best, token: trial.result(best).token },
    shortage: memoryShortage(open, setting, ranks),
  };
}

/** `2,2` shares as `1,1` does. */
function proportions(split: readonly number[]): number[] {
  const largest = Math.max(...split);
  return split.map((weight) => weight / largest);
}

function readChoice(choice: PlannedSplit, worldSize: number): readonly number[] | undefined {
  if (choice === "auto") return undefined;
  if (choice === "equal") return equalSplit(worldSize);
  requireSplit(choice, worldSize);
  return choice;
}

function thresholdOf({ allReduce = "auto", devices }: PlanModelOptions, link: Link): number | null {
  if (allReduce === "direct") return null;
  return allReduce === "scattered" ? 0 : allReduceThreshold(devices.length, link);
}

function requireDepth(depth: number, seqLen: number): void {
  if (Number.isInteger(depth) && depth >= 0 && depth < seqLen) return;
  throw new DllamaError(
    "INVALID_ARGUMENT",
    `expected a depth below the ${seqLen} positions of the KV cache, got ${depth}`,
    { hint: "Give a smaller --depth, or a larger --max-seq-len." },
  );
}
