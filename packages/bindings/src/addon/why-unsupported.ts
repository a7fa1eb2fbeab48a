/** Nothing is prebuilt for this platform. */

import type { Explanation } from "./addon-error.ts";
import { platforms } from "./platforms.ts";
import type { Surroundings } from "./surroundings.ts";

export function whyUnsupported({ os, cpu, machine }: Surroundings): Explanation {
  if (os === "linux" && cpu === "arm") return whyNotArm32(machine);
  if (os === "win32") {
    return {
      problem: "dllama is not built for Windows",
      hint: "Run it inside WSL 2, whose Linux it supports.",
    };
  }
  if (os === "darwin") {
    return {
      problem: "dllama is not built for Macs with an Intel processor",
      hint: "If this Mac has Apple silicon, its Node is the Intel one: install Node for arm64.",
    };
  }
  const names = platforms.map(({ name }) => name).join(", ");
  return {
    problem: `dllama is built for ${names} alone`,
    hint: "Compile it in a clone of https://github.com/dllama/dllama: `pnpm run build`.",
  };
}

function whyNotArm32(machine: string): Explanation {
  const needs = "dllama needs a 64-bit system, and this Node is a 32-bit program";
  if (machine === "aarch64") {
    return {
      problem: `${needs}. The kernel is 64-bit (${machine}), the system on top of it is not`,
      hint: "Install the 64-bit Raspberry Pi OS: a 64-bit kernel alone is not enough.",
    };
  }
  return {
    problem: `${needs} (${machine})`,
    hint: "Install the 64-bit Raspberry Pi OS, which runs on a Raspberry Pi 3 and newer.",
  };
}
