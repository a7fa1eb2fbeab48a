/** What `dllama plan` prints on stdout: each `--format` is one file beside this one. */

import type { Link, ModelPlan } from "@dllama/core";

export interface PlanSubject {
  /** The file that was asked for, or null for a shape. */
  model: string | null;
  shape: string | null;
  link: Link;
  bufferFloatType: string;
  kvCacheType: string;
}

export type PlanWriter = (subject: PlanSubject, plan: ModelPlan) => string;
