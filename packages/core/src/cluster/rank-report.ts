/** What each rank did for a token, and whether its machine was slowed down, for a summary. */

import type { HostFacts, RankTimes } from "@dllama/bindings";

/** One rank of a run. Times and bytes are means of a generated token's forward. */
export interface RankReport {
  rank: number;
  /** `host:port`; of the root, whatever it calls itself. */
  address: string;
  /** Forwards that the means are of. */
  nForwards: number;
  /** Time in which the rank computed. */
  computeMs: number;
  /** Time in which its threads waited for each other. */
  waitMs: number;
  /** Time in which it waited for the network, and by that for slower ranks. */
  networkMs: number;
  sentBytes: number;
  receivedBytes: number;
  /** Part of the shared weights that it has, of 1. */
  share: number;
  /** What its kernel tells. */
  host: HostFacts;
  /** Why its machine was slower than it can be, in words; usually empty. */
  throttling: string[];
}

/** `shares`: by rank, in any unit. */
export function rankReports(times: readonly RankTimes[], shares: readonly number[]): RankReport[] {
  const all = shares.reduce((sum, share) => sum + share, 0);
  return times.map(({ rank, address, exact, host }) => {
    const mean = (sum: number): number => (exact.nForwards === 0 ? 0 : sum / exact.nForwards);
    return {
      rank,
      address,
      nForwards: exact.nForwards,
      computeMs: mean(exact.computeMs),
      waitMs: mean(exact.waitMs),
      networkMs: mean(exact.networkMs),
      sentBytes: mean(exact.sentBytes),
      receivedBytes: mean(exact.receivedBytes),
      share: all === 0 ? 0 : (shares[rank] ?? 0) / all,
      host,
      throttling: throttlingOf(host),
    };
  });
}

/** Of a Raspberry Pi's flags. Source: its documentation, `vcgencmd get_throttled`. */
const FIRMWARE = [
  "under-voltage: its power supply is too weak",
  "its firmware capped the frequency",
  "its firmware throttled it",
  "it reached the soft limit of its temperature",
];

/** What slowed a machine down, in words. */
export function throttlingOf(host: HostFacts): string[] {
  const { celsius, allowedMhz, possibleMhz, throttleEvents, firmwareFlags } = host;
  const reasons = FIRMWARE.filter((_, bit) => ((firmwareFlags ?? 0) & (1 << bit)) !== 0);
  if (throttleEvents !== null && throttleEvents > 0) {
    reasons.push(`its cores throttled ${throttleEvents} times for their temperature`);
  }
  if (allowedMhz !== null && possibleMhz !== null && allowedMhz < possibleMhz) {
    reasons.push(`its cores may use ${allowedMhz.toFixed(0)} of ${possibleMhz.toFixed(0)} MHz`);
  }
  if (reasons.length > 0 && celsius !== null) reasons.push(`${celsius.toFixed(0)} °C now`);
  return reasons;
}

/** A sentence for each machine that was slowed down. */
export function slowdowns(ranks: readonly RankReport[]): string[] {
  return ranks
    .filter(({ throttling }) => throttling.length > 0)
    .map((rank) => `${rankName(rank)} was slowed down: ${rank.throttling.join("; ")}.`);
}

/** `Rank 0 (this device)`, `Rank 2 (10.0.0.3:9998)`. */
export function rankName({ rank, address }: { rank: number; address: string }): string {
  return `Rank ${rank} (${rank === 0 ? "this device" : address})`;
}
