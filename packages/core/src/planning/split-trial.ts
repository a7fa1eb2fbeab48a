/** What a split of a model costs on devices: the Programs that it makes, measured by their own figures. */

import { PREFILL_CHUNK } from "../generation/session.ts";
import type { OpenModel } from "../models/open-model.ts";
import type { Program } from "../program/generated/Program.ts";
import { bestSplit, fittedSplit } from "./best-split.ts";
import type { SplitCost } from "./best-split.ts";
import { computeMs, tokenTime } from "./costs.ts";
import type { TokenTime } from "./costs.ts";
import type { Device } from "./devices.ts";
import type { Link } from "./links.ts";
import { rankMemory } from "./rank-memory.ts";
import type { RankMemory } from "./rank-memory.ts";
import { tokenPhases, totalBytes, totalWork } from "./token-work.ts";
import type { Phase } from "./token-work.ts";

export interface TrialSetting {
  /** The ranks' devices, the root first. */
  devices: readonly Device[];
  link: Link;
  /** Positions of the KV cache. */
  seqLen: number;
  /** Sequences side by side. Defaults to `1`. */
  nSequences?: number | undefined;
  bufferFloatType: "q80" | "f32";
  kvCacheType: "f16" | "q80" | "f32";
  scatteredFromBytes: number | null;
  /** Positions that are in the KV cache when the token is computed. */
  depth: number;
}

/** One rank of a plan. */
export interface RankPlan {
  device: Device;
  memory: RankMemory;
  /** Bytes of memory that the device lacks; 0 where it fits. */
  lackBytes: number;
  /** Bytes of weights, keys and values that a token reads. */
  readBytes: number;
  /** Time that the rank computes for a token. */
  computeMs: number;
  /** Bytes that it sends and receives for a token. */
  sentBytes: number;
  receivedBytes: number;
}

interface TrialResult {
  phases: Phase[];
  ranks: RankPlan[];
  token: TokenTime;
}

export class SplitTrial {
  readonly #open: OpenModel;
  readonly #setting: TrialSetting;
  /** The search comes back to splits that it has seen. */
  readonly #costs = new Map<string, SplitCost>();

  constructor(open: OpenModel, setting: TrialSetting) {
    this.#open = open;
    this.#setting = setting;
  }

  /** The fastest split that fits, or the one that lacks least. */
  best(): number[] {
    const rates = this.#setting.devices.map(({ gbPerSecond }) => gbPerSecond);
    return bestSplit(rates, (split) => this.#cost(split));
  }

  /** The split itself or one near it that fits; undefined if none is found. */
  fitted(split: readonly number[]): readonly number[] | undefined {
    return fittedSplit(split, (candidate) => this.#cost(candidate));
  }

  result(split: readonly number[]): TrialResult {
    const { devices, link, scatteredFromBytes, depth } = this.#setting;
    const programs = this.programs(split);
    const phases = tokenPhases(programs, { scatteredFromBytes, depth });
    const ranks = programs.map((program, rank): RankPlan => {
      const device = devices[rank];
      if (device === undefined) throw new RangeError(`no device for rank ${rank}`);
      const memory = rankMemory(program);
      return {
        device,
        memory,
        lackBytes: Math.max(0, memory.totalBytes - device.ramBytes),
        readBytes: totalWork(phases, rank).readBytes,
        computeMs: computeMs(phases, rank, device),
        sentBytes: totalBytes(phases, "sentBytes", rank),
        receivedBytes: totalBytes(phases, "receivedBytes", rank),
      };
    });
    return { phases, ranks, token: tokenTime(phases, devices, link, pagedBytes(ranks)) };
  }

  programs(split: readonly number[]): Program[] {
    const { seqLen, nSequences = 1, bufferFloatType, kvCacheType } = this.#setting;
    return this.#open.programs({
      worldSize: split.length,
      split,
      seqLen,
      nSequences,
      maxTokens: Math.max(nSequences, Math.min(PREFILL_CHUNK, seqLen)),
      bufferFloatType,
      kvCacheType,
    });
  }

  #cost(split: readonly number[]): SplitCost {
    const key = split.join();
    const known = this.#costs.get(key);
    if (known !== undefined) return known;
    const { ranks, token } = this.result(split);
    const cost = {
      totalMs: token.totalMs,
      // What the root reads from its disk is part of its time, and a reason to give it less.
      rankMs: ranks.map((rank, index) => rank.computeMs + (index === 0 ? token.diskMs : 0)),
      lackBytes: ranks.map((rank) => rank.lackBytes),
    };
    this.#costs.set(key, cost);
    return cost;
  }
}

/**
 * Bytes that the root reads from its disk for a token: all of its mapped weights as soon as memory has no
 * room for all of them, because those that were used first are given up first and needed first.
 */
function pagedBytes([root]: readonly RankPlan[]): number {
  if (root === undefined) return 0;
  const { totalBytes: own, mappedBytes } = root.memory;
  return own + mappedBytes > root.device.ramBytes ? mappedBytes : 0;
}
