/** Conversion of checkpoints to GGUF models. */

export { convert } from "./convert.ts";
export type { ConversionControl, ConversionProgress } from "./convert.ts";
export type { FloatType } from "./float-types.ts";
export type { ConversionOptions } from "./options.ts";
export { planConversion } from "./plan.ts";
export type { ConversionPlan, PlannedTensor } from "./plan.ts";
