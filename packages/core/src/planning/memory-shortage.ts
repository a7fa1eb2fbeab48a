/** Why a model does not fit its devices: which rank lacks how much, and what would make it fit. */

import { memoryText } from "../memory-text.ts";
import type { OpenModel } from "../models/open-model.ts";
import { memoryParts } from "./memory-parts.ts";
import { SplitTrial } from "./split-trial.ts";
import type { RankPlan, TrialSetting } from "./split-trial.ts";

export interface MemoryShortage {
  /** Bytes that all ranks lack together. */
  lackBytes: number;
  /** What each rank needs and has, where it lacks something. */
  message: string;
  /** Changes, each of which makes it fit by itself; never empty. */
  advice: string[];
}

const GIB = 2 ** 30;
/** Devices of more memory than that are not looked for. */
const MAX_GIB = 1024;
/** Contexts are suggested in whole multiples. */
const POSITIONS = 64;

/** Undefined if every rank has the memory for its part. */
export function memoryShortage(
  open: OpenModel,
  setting: TrialSetting,
  ranks: readonly RankPlan[],
): MemoryShortage | undefined {
  const lacking = ranks.filter(({ lackBytes }) => lackBytes > 0);
  if (lacking.length === 0) return undefined;
  const lackBytes = lacking.reduce((sum, rank) => sum + rank.lackBytes, 0);
  return {
    lackBytes,
    message: lacking.map((rank) => describe(rank, ranks.indexOf(rank))).join("; "),
    advice: advise(open, setting),
  };
}

function describe({ device, memory, lackBytes }: RankPlan, rank: number): string {
  const { totalBytes } = memory;
  return (
    `rank ${rank} (${device.name}) needs ${memoryText(totalBytes)} ` +
    `(${memoryParts(memory, memoryText)}) ` +
    `and has ${memoryText(device.ramBytes)}: ${memoryText(lackBytes)} too little`
  );
}

function advise(open: OpenModel, setting: TrialSetting): string[] {
  const fits = (change: Partial<TrialSetting>): boolean => {
    const changed = { ...setting, ...change };
    const trial = new SplitTrial(open, changed);
    return trial.result(trial.best()).ranks.every(({ lackBytes }) => lackBytes === 0);
  };
  if (fits({})) return ["--split auto, which respects the memory of each device"];
  const advice: string[] = [];
  const seqLen = largest(Math.floor(setting.seqLen / POSITIONS), (n) =>
    fits({ seqLen: n * POSITIONS, depth: 0 }),
  );
  if (seqLen > 0) advice.push(`--max-seq-len ${seqLen * POSITIONS}`);
  const { kvCacheType } = setting;
  if (kvCacheType !== "q80" && open.canCacheQ80 && fits({ kvCacheType: "q80" })) {
    advice.push("--kv-cache-type q80");
  }
  const device = anotherDevice(open, setting, fits);
  if (device !== undefined) advice.push(device);
  if (open.floatType === "f32" || open.floatType === "f16" || open.floatType === "q80") {
    advice.push("weights of q40 (`dllama convert`), if the context is not what takes the memory");
  }
  return advice.length > 0 ? advice : ["devices of more memory, or a smaller model"];
}

/** One more worker as fast as the slowest, of the least memory that helps. */
function anotherDevice(
  open: OpenModel,
  { devices }: TrialSetting,
  fits: (change: Partial<TrialSetting>) => boolean,
): string | undefined {
  if (devices.length >= open.maxRanks) return undefined;
  const [first] = devices;
  if (first === undefined) return undefined;
  const slowest = devices.reduce((a, b) => (b.gbPerSecond < a.gbPerSecond ? b : a), first);
  const withGib = (gib: number): Partial<TrialSetting> => ({
    devices: [...devices, { ...slowest, name: "another", ramBytes: gib * GIB }],
  });
  // In halves of a GiB, from the largest down.
  const spare = largest(2 * MAX_GIB, (n) => fits(withGib(MAX_GIB - (n - 1) / 2)));
  if (spare === 0) return undefined;
  return `another device with ${MAX_GIB - (spare - 1) / 2} GiB of free memory`;
}

/** The largest n from 1 to `max` for which `holds` is true, which it is for all smaller ones; 0 for none. */
function largest(max: number, holds: (n: number) => boolean): number {
  let low = 0;
  let high = max;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
