/** What a process holds, by what Linux tells in `/proc`. */

import { readFileSync, readdirSync } from "node:fs";

/** @returns {{ rssBytes: number, nThreads: number, nDescriptors: number }} */
export function processState(pid) {
  const [, rss] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return {
    rssBytes: Number(rss) * 1024,
    nThreads: readdirSync(`/proc/${pid}/task`).length,
    nDescriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}
