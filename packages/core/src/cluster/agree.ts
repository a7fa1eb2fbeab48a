/** Finds the plan of a session, and keeps one that was measured. */

import type { Engine, Plan } from "@dllama/bindings";

import { DllamaError } from "../errors.ts";
import type { KeptJson } from "./kept-json.ts";
import type { KeptPlan } from "./kept-plans.ts";
import { pinnedPlan } from "./session-plan.ts";
import type { AllReduceChoice, SessionPlan } from "./session-plan.ts";

/** How partials become sums, without the split. */
export type AgreedPlan = Pick<SessionPlan, "allReduce" | "origin" | "measurement">;

/** Loads an engine with the plan that is pinned or kept, or else has it measure one. */
export async function loadAgreed(
  choice: AllReduceChoice,
  place: KeptJson<KeptPlan>,
  load: (plan: Plan | undefined) => Promise<Engine>,
): Promise<{ engine: Engine; plan: AgreedPlan }> {
  const pinned = pinnedPlan(choice);
  if (pinned !== undefined) {
    const engine = await load(pinned);
    return { engine, plan: { ...pinned, origin: "pinned", measurement: null } };
  }
  const kept = await place.read();
  const engine = await load(kept && { allReduce: kept.allReduce });
  if (kept !== undefined) return { engine, plan: { ...kept, origin: "kept" } };
  const { measurement, plan } = engine;
  const { allReduce } = plan;
  if (measurement !== null) await place.write({ allReduce, measurement });
  return { engine, plan: { allReduce, origin: "measured", measurement } };
}

export function requireChoice(choice: AllReduceChoice): AllReduceChoice {
  const known: readonly string[] = ["auto", "direct", "scattered"];
  if (known.includes(choice)) return choice;
  throw new DllamaError(
    "INVALID_ARGUMENT",
    `expected allReduce of auto, direct or scattered, got ${choice}`,
  );
}
