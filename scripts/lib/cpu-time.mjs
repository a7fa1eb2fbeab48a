/** CPU time of programs and of all that they start and wait for. The system tells it only to who started them: bash. */

import { AsyncLocalStorage } from "node:async_hooks";

const accounts = new AsyncLocalStorage();

/**
 * Calls `body`; the programs that it has `run` of `children.mjs` start are added up.
 *
 * @template T
 * @param {() => Promise<T>} body
 * @returns {Promise<{ result: T, cpuSeconds: number }>}
 */
export async function withCpuTime(body) {
  const account = { cpuSeconds: 0 };
  const result = await accounts.run(account, body);
  return { result, cpuSeconds: account.cpuSeconds };
}

/** The account of whoever calls, if `withCpuTime` has called it. */
export const cpuAccount = () => accounts.getStore();

/** The file descriptor to which a timed command writes user and system seconds. */
export const CPU_TIME_FD = 3;

/**
 * The command, with its CPU time written to `CPU_TIME_FD` when it has ended. bash waits for it on a signal, too: what
 * cleans up after itself gets the time for that.
 *
 * @param {string[]} command
 */
export function timed(command) {
  const script = `trap : INT TERM HUP; TIMEFORMAT="%U %S"; { time "$@" 2>&4 3>&- 4>&-; } 4>&2 2>&3`;
  return ["bash", "-c", script, "bash", ...command];
}

/** Seconds out of what a timed command wrote, after bash's own remarks; none if bash was killed. */
export function parseCpuTime(text) {
  const times = /^([\d.]+) ([\d.]+)$/m.exec(text);
  return times ? Number(times[1]) + Number(times[2]) : 0;
}
