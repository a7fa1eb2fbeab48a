/** What Linux tells of a process in /proc. */

import { readdirSync, readFileSync } from "node:fs";

const MIB_KIB = 1024;

/**
 * A size in MiB; 0 of a process that has just ended and has no memory.
 *
 * @param {string} status of /proc/PID/status
 * @param {"VmRSS" | "RssAnon"} key
 */
export function statusMib(status, key) {
  const kib = new RegExp(`^${key}:\\s+(\\d+) kB$`, "mu").exec(status)?.[1];
  return Number(kib ?? 0) / MIB_KIB;
}

/** What a process that was not waited for yet holds now, in MiB. */
export function memoryMib(pid, key) {
  return statusMib(readFileSync(`/proc/${pid}/status`, "utf8"), key);
}

/**
 * Nanoseconds on a processor: the first of three numbers. Unlike the ticks of /proc/PID/stat, which
 * are 10 ms long, it misses nothing.
 *
 * @param {string} schedstat of /proc/PID/task/TID/schedstat
 */
export function scheduledNs(schedstat) {
  const [running] = /^\d+(?= \d+ \d+\s*$)/u.exec(schedstat) ?? [];
  if (running === undefined) throw new Error(`expected three numbers, got "${schedstat.trim()}"`);
  return Number(running);
}

/**
 * CPU time of each thread that lives, in nanoseconds.
 *
 * @returns {Map<string, { name: string, ns: number }>} by thread
 */
export function threadTimes(pid) {
  const folder = `/proc/${pid}/task`;
  const times = readdirSync(folder).map((thread) => {
    const read = (file) => readFileSync(`${folder}/${thread}/${file}`, "utf8");
    return [thread, { name: read("comm").trim(), ns: scheduledNs(read("schedstat")) }];
  });
  return new Map(times);
}

/**
 * CPU time that threads took between two looks, in milliseconds, by thread name, largest first.
 *
 * @param {ReturnType<typeof threadTimes>} before
 * @param {ReturnType<typeof threadTimes>} after
 * @returns {[string, number][]}
 */
export function spentMs(before, after) {
  const byName = new Map();
  for (const [thread, { name, ns }] of after) {
    const ms = (ns - (before.get(thread)?.ns ?? 0)) / 1e6;
    byName.set(name, (byName.get(name) ?? 0) + ms);
  }
  return [...byName].toSorted(([, a], [, b]) => b - a);
}
