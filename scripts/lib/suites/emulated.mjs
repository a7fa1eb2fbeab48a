/** Suites that emulate an instruction set: minutes of CPU time, which only who asks for them spends. */

const ASKING = ["REQUIRE_ISA", "REQUIRE_EMULATED_ISA"];

/**
 * The variable that asks for an instruction set. (`REQUIRE_ISA` asks for it of this machine's processor, too, if that is
 * of the same architecture.)
 */
export function askedBy(isa) {
  return ASKING.find((name) => process.env[name]?.split(",").includes(isa));
}

/**
 * @param {string} suite
 * @param {string} isa the last instruction set that the suite needs
 * @param {string} nativeArch where `cargo tests` run what the suite emulates
 * @returns {() => string | undefined} why the suite does not run
 */
export const unlessEmulated = (suite, isa, nativeArch) => () => {
  if (process.arch === nativeArch) return "`cargo tests` run these on this machine's processor";
  if (askedBy(isa)) return undefined;
  return `emulates a processor, for minutes; to run it: REQUIRE_EMULATED_ISA=${isa} npx -y pnpm@10.34.9 test "${suite}"`;
};
