/**
 * Who else used the processor, from /proc: every process's time before and after a run, but for our own
 * and for the run's. Times count in ticks, so short runs are judged together, too.
 */

import { readdirSync, readFileSync } from "node:fs";

/** Ticks a second that Linux tells user space of (USER_HZ) on x64 and arm64. */
const TICKS_PER_SECOND = 100;
/** Of one core: from here on a neighbour is named. */
export const TOLERATED = 0.05;

/**
 * @typedef {object} Snapshot
 * @property {number} seconds a clock
 * @property {Map<number, { name: string, ticks: number }>} processes by id
 * @property {number} stolenTicks that the hypervisor gave to other machines
 */

/** @returns {Snapshot} */
export function snapshot() {
  const processes = new Map();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/u.test(entry)) continue;
    const stat = read(`/proc/${entry}/stat`);
    if (stat !== undefined) processes.set(Number(entry), parseStat(stat));
  }
  const stolenTicks = parseStolenTicks(readFileSync("/proc/stat", "utf8"));
  return { seconds: performance.now() / 1000, processes, stolenTicks };
}

/** A process may have ended since it was listed. */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Name, and user and system time, of a /proc/PID/stat (proc_pid_stat(5)): the name may have brackets. */
export function parseStat(stat) {
  const nameEnd = stat.lastIndexOf(")");
  const fields = stat.slice(nameEnd + 2).split(" ");
  // Fields 14 and 15; the first after the name is field 3.
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { name: stat.slice(stat.indexOf("(") + 1, nameEnd), ticks };
}

/** The eighth time of the line `cpu` (proc_stat(5)). */
export function parseStolenTicks(stat) {
  return Number(/^cpu +(?:\d+ +){7}(?<steal>\d+)/mu.exec(stat)?.groups.steal ?? 0);
}

/** What others used during some runs. */
export class Neighbours {
  #seconds = 0;
  /** Ticks by name and id. */
  #sums = new Map();
  /** The largest share of a core that each used for sure in one run. */
  #peaks = new Map();
  #sides;

  /** @param {ReadonlyMap<number, string>} [sides] names of the sides' processes, by id */
  constructor(sides = new Map()) {
    this.#sides = sides;
  }

  /**
   * Counts one run.
   *
   * @param {Snapshot} before
   * @param {Snapshot} after
   * @param {ReadonlySet<number>} own ids of the processes that belong to the run
   */
  add(before, after, own) {
    const seconds = after.seconds - before.seconds;
    this.#seconds += seconds;
    for (const [pid, { name, ticks }] of after.processes) {
      if (own.has(pid)) continue;
      // A side that has nothing to run should sleep.
      const who = this.#sides.has(pid) ? `idle ${this.#sides.get(pid)}` : name;
      const since = before.processes.get(pid)?.ticks ?? 0;
      this.#count(`${who} (${pid})`, ticks - since, seconds);
    }
    this.#count("the hypervisor (steal)", after.stolenTicks - before.stolenTicks, seconds);
  }

  #count(who, ticks, seconds) {
    if (ticks <= 0) return;
    this.#sums.set(who, (this.#sums.get(who) ?? 0) + ticks);
    // Of two readings in ticks the difference is certain to less than one.
    const cores = (ticks - 1) / TICKS_PER_SECOND / seconds;
    this.#peaks.set(who, Math.max(cores, this.#peaks.get(who) ?? 0));
  }

  /**
   * Those that used more than is tolerated in one run or in all together, the busiest first.
   *
   * @returns {{ who: string, cores: number }[]} `cores`: 1 is one core all the time
   */
  get busy() {
    return [...this.#sums]
      .map(([who, ticks]) => {
        const all = ticks / TICKS_PER_SECOND / this.#seconds;
        return { who, cores: Math.max(all, this.#peaks.get(who)) };
      })
      .filter(({ cores }) => cores > TOLERATED)
      .toSorted((a, b) => b.cores - a.cores);
  }
}
