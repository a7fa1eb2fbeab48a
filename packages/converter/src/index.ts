/** Conversion of checkpoints to GGUF models. */

export { convert } from "./convert.ts";
export type { ConversionControl, ConversionProgress } from "./convert.ts";
export type { FloatType } from "./float-types.ts";
export type { ConversionOptions } from "./options.ts";
export { planConversion } from "./plan.ts";
export type { ConversionPlan } from "./plan.ts";
export type { ModelLayout, PlannedTensor } from "./layout.ts";
export { planSyntheticModel, writeSparseModel } from "./synthetic/sparse-model.ts";
