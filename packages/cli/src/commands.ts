/**
 * The commands, a line each. A file of `commands/` is loaded when it is asked for, and itself loads
 * the library only when its command line is right: help and a mistyped flag answer at once.
 */

import type { CommandDef } from "citty";
import type { CommandSpec } from "./args/command-spec.ts";

interface Command {
  spec: CommandSpec;
  /** Its `run` gives the exit code. */
  command: CommandDef;
}

export const commands = new Map<string, () => Promise<Command>>([
  ["inference", () => import("./commands/inference.ts")],
  ["bench", () => import("./commands/bench.ts")],
  ["plan", () => import("./commands/plan.ts")],
  ["worker", () => import("./commands/worker.ts")],
  ["convert", () => import("./commands/convert.ts")],
]);
