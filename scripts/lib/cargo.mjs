/**
 * What every compilation for the tests names, so that they share one: with another choice of packages or features cargo
 * compiles all of it again.
 */

/** With what tests alone use; no published build has these features. */
const FEATURES = ["dllama-bindings/panic-points", "dllama-engine/typescript"];

export const WORKSPACE = ["--locked", "--workspace", "--features", FEATURES.join(",")];
