/** The formats of a plan's output by name. */

import { jsonPlan } from "./json.ts";
import type { PlanWriter } from "./plan-writer.ts";
import { planTable } from "./table.ts";

export const planWriters: Record<"table" | "json", PlanWriter> = {
  table: planTable,
  json: jsonPlan,
};
