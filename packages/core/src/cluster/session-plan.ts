/** What the ranks of a session have agreed on, as people and programs are told of it. */

import { createHash } from "node:crypto";

import type { Measurement, Plan } from "@dllama/bindings";

import type { DecidedSplit } from "./decide-split.ts";

/** Which way partials become sums; `auto`: the one that is faster for their size. */
export type AllReduceChoice = "auto" | "direct" | "scattered";

export interface SessionPlan extends Plan {
  /** Equal ids mean equal plans. */
  id: string;
  /** Measured now, kept from a session before, or pinned by an option. */
  origin: "measured" | "kept" | "pinned";
  /** What it was made from; null for a pinned plan. */
  measurement: Measurement | null;
  /** What part of the model each rank has, as weights, the root first. */
  split: readonly number[];
  /** As `origin`; `adapted` is changed because a device has too little memory for its part. */
  splitOrigin: DecidedSplit["origin"];
}

/** The plan that a choice pins. */
export function pinnedPlan(choice: AllReduceChoice): Plan | undefined {
  if (choice === "auto") return undefined;
  return { allReduce: { scatteredFromBytes: choice === "direct" ? null : 0 } };
}

/** Eight hexadecimal digits. */
export function planId({ allReduce, split }: Pick<SessionPlan, "allReduce" | "split">): string {
  const { scatteredFromBytes } = allReduce;
  // Written out, so that the order of properties cannot change an id.
  const text = JSON.stringify({ allReduce: { scatteredFromBytes }, split });
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
