/** The plan of several ranks, as people read it. */

import type { SessionPlan } from "@dllama/core";

/** 1 kB is 1024 bytes, 1 MB/s 10^6 bytes a second: `plan 3f2a91bc (measured): all-reduce ...; split 2,1,1 (kept); latency 0.085 ms, 112 MB/s` */
export function planText(plan: SessionPlan): string {
  const { id, origin, allReduce, measurement, split, splitOrigin } = plan;
  const text =
    `plan ${id} (${origin}): all-reduce ${wayText(allReduce.scatteredFromBytes)}; ` +
    `split ${split.join()} (${splitOrigin})`;
  if (measurement === null) return text;
  const { latencyMs, bytesPerSecond } = measurement;
  const rate = (bytesPerSecond / 1e6).toFixed(bytesPerSecond < 1e7 ? 2 : 0);
  return `${text}; latency ${latencyMs.toFixed(3)} ms, ${rate} MB/s`;
}

function wayText(scatteredFromBytes: number | null): string {
  if (scatteredFromBytes === null) return "direct";
  if (scatteredFromBytes === 0) return "scattered";
  return `direct, scattered from ${(scatteredFromBytes / 1024).toFixed(1)} kB a partial`;
}
