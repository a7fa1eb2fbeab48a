/** The engine's Node-API addon, with the types that its generated declarations leave open. */

import { createRequire } from "node:module";

/** What `convertFloats` takes: values in a checkpoint. */
export type SourceFloatType = "bf16" | "f16" | "f32";
/** What it gives: values in a model file. */
export type FloatType = "q40" | "q80" | "f16" | "f32";

interface Native {
  readonly convertFloats: (
    source: Uint8Array,
    from: SourceFloatType,
    to: FloatType,
  ) => Promise<Uint8Array>;
}

const native: Native = createRequire(import.meta.url)("../lib/native.cjs");

/**
 * Converts whole rows on libuv's thread pool; for q40 and q80 a multiple of 32 values. `source` is
 * read on another thread: leave it alone until the promise settles.
 *
 * Rejects with an Error with the code VALUE_OUT_OF_RANGE or NUMBER_NOT_FINITE and the `index` of
 * the value in `source`, or with the code INVALID_ARGUMENT.
 */
export const convertFloats = native.convertFloats;
