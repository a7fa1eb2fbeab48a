/**
 * llama.cpp brings its kernels as one `libggml-cpu-*.so` an instruction set, and loads the best that
 * the processor runs. Held to one of ours, it finds the like of it alone.
 */

import { PeersError } from "./peers-error.mjs";

/**
 * For each of our instruction sets those of llama.cpp with the same instructions, the better first
 * (ggml/src/CMakeLists.txt lists what each is compiled with).
 */
const LIKE_OURS = {
  scalar: ["x64"],
  avx2: ["haswell"],
  avxvnni: ["alderlake"],
  // Ice Lake's has AVX-512 VBMI besides, which Cascade Lake lacks.
  avx512vnni: ["icelake", "cascadelake"],
  neon: ["armv8.0_1"],
  dotprod: ["armv8.2_1"],
  i8mm: ["armv8.6_1"],
};

const NAME = /libggml-cpu-(?<variant>[^/\s]+)\.so/u;

/**
 * The variants of llama.cpp that use the same instructions as `isa` of ours, the better first.
 *
 * @param {string} isa
 */
export function variantsLike(isa) {
  const variants = LIKE_OURS[isa];
  if (variants !== undefined) return variants;
  const known = Object.keys(LIKE_OURS).join(", ");
  throw new PeersError(
    "NOT_SUPPORTED",
    `expected an instruction set of ${known}, got "${isa}"`,
    "Add what llama.cpp has for it to scripts/lib/peers/cpu-libraries.mjs, or run with --peers best",
  );
}

/**
 * Whether a held llama.cpp would load this variant, too.
 *
 * @param {string} variant that the free one has loaded
 * @param {string} isa of ours
 */
export function isLike(variant, isa) {
  return variantsLike(isa).includes(variant);
}

/** `haswell` of `libggml-cpu-haswell.so`; undefined for other files. */
export function variantOf(file) {
  return NAME.exec(file)?.groups.variant;
}

/**
 * The variant that a process has loaded.
 *
 * @param {string} maps of /proc/PID/maps
 */
export function loadedVariant(maps) {
  const variants = new Set(maps.split("\n").map(variantOf).filter(Boolean));
  if (variants.size === 1) return [...variants][0];
  const got = variants.size === 0 ? "none" : [...variants].join(" and ");
  throw new PeersError("NOT_COMPARABLE", `expected one loaded libggml-cpu-*.so, got ${got}`);
}
