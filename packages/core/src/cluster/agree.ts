/** Finds the plan of a session, and keeps one that was measured. */

import type { Engine, Plan } from "@dllama/bindings";

import { cacheFolder } from "../cache-folder.ts";
import { DllamaError } from "../errors.ts";
import { PlanPlace } from "./kept-plans.ts";
import type { KeptPlan } from "./kept-plans.ts";
import { pinnedPlan, planId } from "./session-plan.ts";
import type { AllReduceChoice, SessionPlan } from "./session-plan.ts";

export interface PlanOptions {
  /**
   * Which way partial sums take: `direct`, `scattered`, or by size as a measurement says. A measured
   * plan is kept for this model file and these workers. Defaults to `auto`.
   */
  allReduce?: AllReduceChoice | undefined;
  /** Where measured plans and hashes of model files are kept. Defaults to the platform's cache folder. */
  cacheFolder?: string | undefined;
}

interface Cluster extends PlanOptions {
  path: string;
  workers: readonly string[];
}

/** Loads an engine with the plan that is pinned or kept, or else has it measure one. */
export async function loadAgreed(
  { path, workers, allReduce = "auto", cacheFolder: folder = cacheFolder() }: Cluster,
  load: (plan: Plan | undefined) => Promise<Engine>,
): Promise<{ engine: Engine; plan: SessionPlan | undefined }> {
  const pinned = pinnedPlan(requireChoice(allReduce));
  // One rank has nobody to agree with.
  if (workers.length === 0) return { engine: await load(pinned), plan: undefined };
  if (pinned !== undefined) {
    const engine = await load(pinned);
    return { engine, plan: told(pinned, "pinned") };
  }
  const place = await PlanPlace.of(folder, path, workers);
  const kept = await place.read();
  const engine = await load(kept && { allReduce: kept.allReduce });
  if (kept !== undefined) return { engine, plan: told(kept, "kept") };
  const { allReduce: measured } = engine.plan;
  const plan = { allReduce: measured, measurement: engine.measurement };
  if (hasMeasurement(plan)) await place.write(plan);
  return { engine, plan: told(plan, "measured") };
}

function told(
  plan: Plan & Partial<Pick<SessionPlan, "measurement">>,
  origin: SessionPlan["origin"],
): SessionPlan {
  const { allReduce, measurement = null } = plan;
  return { id: planId(plan), origin, allReduce, measurement };
}

function hasMeasurement(plan: Pick<SessionPlan, "allReduce" | "measurement">): plan is KeptPlan {
  return plan.measurement !== null;
}

function requireChoice(choice: AllReduceChoice): AllReduceChoice {
  const known: readonly string[] = ["auto", "direct", "scattered"];
  if (known.includes(choice)) return choice;
  throw new DllamaError(
    "INVALID_ARGUMENT",
    `expected allReduce of auto, direct or scattered, got ${choice}`,
  );
}
