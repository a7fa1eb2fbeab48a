/** From an open model to an engine: ranks that meet, a Program for each, the weights on their ranks. */

import { connectRanks, loadEngine } from "@dllama/bindings";
import type { Connection, DeviceFacts, Engine, LoadProgress } from "@dllama/bindings";

import { cacheFolder } from "./cache-folder.ts";
import { loadAgreed, requireChoice } from "./cluster/agree.ts";
import { decideSplit } from "./cluster/decide-split.ts";
import type { FittedSplit } from "./cluster/held-back.ts";
import { keptPlan, subjectOf } from "./cluster/kept-plans.ts";
import { keptRates } from "./cluster/kept-rates.ts";
import { keptSplit } from "./cluster/kept-splits.ts";
import { planId } from "./cluster/session-plan.ts";
import type { AllReduceChoice, SessionPlan } from "./cluster/session-plan.ts";
import { requireSplit } from "./cluster/split.ts";
import type { SplitChoice } from "./cluster/split.ts";
import { rootTrust } from "./cluster/trust.ts";
import type { TrustOptions } from "./cluster/trust.ts";
import { answeringFolder } from "./cluster/usable-folder.ts";
import type { OpenModel } from "./models/open-model.ts";
import { fromNative } from "./native-error.ts";
import { LINKS } from "./planning/links.ts";
import type { RankMemory } from "./planning/rank-memory.ts";
import { SplitTrial } from "./planning/split-trial.ts";
import type { Program } from "./program/generated/Program.ts";
import { TimeSlice } from "./time-slice.ts";

/** How a model is shared out. */
export interface RankOptions extends TrustOptions {
  /** `host:port` of the workers; the first is rank 1. Defaults to none. */
  workers?: readonly string[] | undefined;
  /**
   * What part each rank has: a weight for each, the root first, `equal`, or the best parts for what the
   * devices are measured at, which are kept for this model file and these workers; `measure` does so anew.
   * Defaults to `auto`.
   */
  split?: SplitChoice | undefined;
  /** How partial sums go over the wire. Defaults to `q80`. */
  bufferFloatType?: "q80" | "f32" | undefined;
  /** How keys and values are kept. Defaults to `f16`. */
  kvCacheType?: "f16" | "q80" | "f32" | undefined;
  /**
   * Which way partial sums take: `direct`, `scattered`, or by size as a measurement says. A measured
   * plan is kept for this model file and these workers. Defaults to `auto`.
   */
  allReduce?: AllReduceChoice | undefined;
  /**
   * Where measured plans, splits and rates and the hashes of model files are kept. Defaults to the
   * platform's cache folder.
   */
  cacheFolder?: string | undefined;
  /** Told what each rank will take, before anything is taken. */
  onShared?: ((ranks: SharedRank[]) => void) | undefined;
  /** Told how far each rank's weights have come, one rank at a time. */
  onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/** A rank before it loads. */
export interface SharedRank extends DeviceFacts {
  /** `host:port` of a worker; undefined for the root. */
  address: string | undefined;
  memory: RankMemory;
}

interface LoadRanksOptions extends RankOptions {
  /** The file that the model was opened from. */
  path: string;
  /** Threads of the root. */
  nthreads: number;
  /** Positions of the KV cache. */
  seqLen: number;
  /** Sequences side by side, each with as many positions. Defaults to `1`. */
  nSequences?: number | undefined;
}

interface LoadedRanks {
  engine: Engine;
  programs: Program[];
  /** Undefined for one rank, which has nobody to agree with. */
  plan: SessionPlan | undefined;
  fitted: FittedSplit;
}

/**
 * @throws DllamaError WORKER_UNREACHABLE, TOKEN_MISMATCH, OUT_OF_MEMORY, TOO_MANY_RANKS and the engine's
 *   others.
 */
export async function loadRanks(open: OpenModel, options: LoadRanksOptions): Promise<LoadedRanks> {
  const { workers = [], split = "auto", nthreads: nThreads } = options;
  requireChoice(options.allReduce ?? "auto");
  const worldSize = workers.length + 1;
  if (typeof split !== "string") requireSplit(split, worldSize);
  // What is wrong with the other options shows here, before anybody is connected to.
  new SplitTrial(open, { ...settingOf(options), devices: [] }).programs(
    typeof split === "string" ? workers.map(() => 1).concat(1) : split,
  );
  // Alone there is nobody to trust.
  const trust = workers.length === 0 ? { insecure: true } : await rootTrust(options);
  const connection = await fromNative(connectRanks({ workers: [...workers], nThreads, ...trust }));
  try {
    return await loadOver(connection, open, options);
  } finally {
    // An engine has taken the ranks by now, or something is wrong and they are let go.
    await connection.close();
  }
}

async function loadOver(
  connection: Connection,
  open: OpenModel,
  options: LoadRanksOptions,
): Promise<LoadedRanks> {
  const { path, workers = [], split: choice = "auto", allReduce = "auto" } = options;
  // Alone there is nothing to keep.
  const folder =
    workers.length === 0 ? undefined : await answeringFolder(options.cacheFolder ?? cacheFolder());
  const subject = await subjectOf(path, workers);
  const setting = settingOf(options);
  const nThreads = connection.devices.map((device) => device.nThreads);
  const { split, origin, ranks } = await decideSplit({
    open,
    choice,
    connection,
    workers,
    setting,
    keptSplit: keptSplit(folder, subject, nThreads),
    keptRates: keptRates(folder, workers, nThreads),
  });
  options.onShared?.(
    connection.devices.map((facts, rank) => {
      const memory = ranks[rank]?.memory;
      if (memory === undefined) throw new RangeError(`no plan for rank ${rank}`);
      return { ...facts, address: workers[rank - 1], memory };
    }),
  );
  const devices = ranks.map(({ device }) => device);
  const trial = new SplitTrial(open, { ...setting, devices });
  // Building, writing and reading the Programs of many layers takes milliseconds each.
  const slice = new TimeSlice();
  await slice.next();
  const programs = trial.programs(split);
  const fitted: FittedSplit = (wanted) => trial.fitted(wanted);
  await slice.next();
  const texts = programs.map((program) => JSON.stringify(program));
  await slice.next();
  const engineOptions = {
    modelPath: path,
    programs: texts,
    workers: [...workers],
    nThreads: options.nthreads,
    ...(folder !== undefined && { cacheFolder: folder }),
  };
  const load = (plan: { allReduce: SessionPlan["allReduce"] } | undefined): Promise<Engine> => {
    const planned = plan === undefined ? engineOptions : { ...engineOptions, plan };
    return fromNative(loadEngine(connection, planned, options.onProgress));
  };
  if (workers.length === 0)
    return { engine: await load(undefined), programs, plan: undefined, fitted };
  const { engine, plan } = await loadAgreed(allReduce, keptPlan(folder, subject), load);
  const { allReduce: way, origin: planOrigin, measurement } = plan;
  const id = planId({ allReduce: way, split });
  return {
    engine,
    programs,
    fitted,
    plan: { id, origin: planOrigin, allReduce: way, measurement, split, splitOrigin: origin },
  };
}

function settingOf(options: LoadRanksOptions) {
  return {
    // Of a session's parts only what ranks compute differs, so that any network gives the same split.
    link: LINKS["1gbit"],
    seqLen: options.seqLen,
    nSequences: options.nSequences,
    bufferFloatType: options.bufferFloatType ?? "q80",
    kvCacheType: options.kvCacheType ?? "f16",
    scatteredFromBytes: null,
    depth: 0,
  } as const;
}
