/**
 * Signals that whoever started this process wants ignored: what `nohup` and a shell's `trap '' HUP` are for.
 *
 * A program inherits that a signal is ignored, but Node sets every signal back to its default before any
 * JavaScript or addon runs, and the kernel keeps no record of what was. What is left is evidence:
 *
 * - The parent still ignores the signal: a script with a `trap`, or one that was itself started by `nohup`.
 *   `system()` of C ignores SIGINT and SIGQUIT while its child, which has both, runs: the two together say nothing.
 * - None of stdin, stdout and stderr is a terminal. `nohup` takes them away from the terminal (on macOS it
 *   leaves stdin), and a SIGHUP, which tells of a terminal's end, concerns nobody who has none. A system
 *   service, which has none either, then ignores it like other servers.
 *
 * A job in the background of a script ignores SIGINT, too, and looks exactly like one in its foreground. It
 * ends cleanly at Ctrl-C all the same: a wrong guess the other way would leave people without Ctrl-C.
 */

import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { isatty } from "node:tty";

type Signal = "SIGHUP" | "SIGINT";

export interface Surroundings {
  platform: NodeJS.Platform;
  /** The signals that the parent ignores, as `SigIgn` of proc(5): bit 0 is signal 1. */
  ignoredByParent: bigint;
  /** Whether stdin, stdout and stderr are a terminal. */
  terminals: readonly [boolean, boolean, boolean];
}

/** Whether the signal is to be ignored. */
export function isToBeIgnored(signal: Signal, now = surroundings()): boolean {
  const { platform, ignoredByParent, terminals } = now;
  const ignores = (name: NodeJS.Signals): boolean =>
    ((ignoredByParent >> BigInt(constants.signals[name] - 1)) & 1n) === 1n;
  if (signal === "SIGINT") return ignores("SIGINT") && !ignores("SIGQUIT");
  const [stdin, stdout, stderr] = terminals;
  const hasTerminal = stdout || stderr || (stdin && platform !== "darwin");
  return !hasTerminal || ignores("SIGHUP");
}

function surroundings(): Surroundings {
  return {
    platform: process.platform,
    ignoredByParent: ignoredBy(process.ppid),
    terminals: [isatty(0), isatty(1), isatty(2)],
  };
}

/** None where the system does not say: without /proc, or for another user's process. */
function ignoredBy(pid: number): bigint {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status) ?? [];
    return BigInt(`0x${mask}`);
  } catch {
    return 0n;
  }
}
