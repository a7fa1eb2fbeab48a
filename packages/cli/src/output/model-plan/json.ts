/**
 * One JSON object, for programs: bytes, milliseconds, tokens a second. docs/planning.md lists the fields;
 * they are added to and never renamed.
 */

import type { ModelPlan } from "@dllama/core";
import type { PlanSubject } from "./plan-writer.ts";

export function jsonPlan(subject: PlanSubject, plan: ModelPlan): string {
  const { best = null, shortage = null, ranks, token, ...rest } = plan;
  const object = {
    type: "plan",
    ...subject,
    worldSize: ranks.length,
    ...rest,
    tokensPerSecond: 1000 / token.totalMs,
    token,
    ranks,
    best,
    shortage,
  };
  return `${JSON.stringify(object, rounded)}\n`;
}

/** Six digits are more than any of these figures is worth. */
function rounded(_key: string, value: unknown): unknown {
  if (typeof value !== "number" || Number.isInteger(value)) return value;
  return Number(value.toPrecision(6));
}
