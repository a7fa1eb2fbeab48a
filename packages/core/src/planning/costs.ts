/**
 * The time that a token is expected to take, with its parts. A model of three figures a device and two a
 * link: docs/planning.md says how far it is from what was measured.
 */

import type { DeviceRates } from "./devices.ts";
import type { Link } from "./links.ts";
import type { Phase, Work } from "./token-work.ts";
import type { Exchange } from "./wire.ts";

/** Parts of a token's expected time, which add up to it. */
export interface TokenTime {
  totalMs: number;
  /** The slowest rank of each phase reads its weights. */
  memoryMs: number;
  /** What its arithmetic takes beyond that. */
  arithmeticMs: number;
  /** Bytes on their way. */
  wireMs: number;
  /** Messages that are waited for, whatever their size. */
  latencyMs: number;
  /** Weights that the root's memory has no room for come from its disk, every token. */
  diskMs: number;
}

/**
 * What an SD card or an inexpensive disk reads a second: the bus of UHS-I cards carries 104 MB/s, and good
 * ones reach 90.
 */
const DISK_BYTES_PER_SECOND = 90e6;

export function tokenTime(
  phases: readonly Phase[],
  devices: readonly DeviceRates[],
  link: Link,
  pagedBytes = 0,
): TokenTime {
  const diskMs = (pagedBytes / DISK_BYTES_PER_SECOND) * 1000;
  const time = { totalMs: 0, memoryMs: 0, arithmeticMs: 0, wireMs: 0, latencyMs: 0, diskMs };
  for (const { work, exchange } of phases) {
    const { memoryMs, arithmeticMs } = slowest(work, devices);
    time.memoryMs += memoryMs;
    time.arithmeticMs += arithmeticMs;
    if (exchange === undefined) continue;
    time.wireMs += wireMs(exchange, link);
    time.latencyMs += exchange.nTrips * link.latencyMs;
  }
  const { memoryMs, arithmeticMs, latencyMs } = time;
  return { ...time, totalMs: memoryMs + arithmeticMs + time.wireMs + latencyMs + diskMs };
}

/** Time that a rank computes for a token, waiting for others left out. */
export function computeMs(phases: readonly Phase[], rank: number, device: DeviceRates): number {
  return phases.reduce((total, { work }) => {
    const part = work[rank];
    if (part === undefined) return total;
    const { memoryMs, arithmeticMs } = workTime(part, device);
    return total + memoryMs + arithmeticMs;
  }, 0);
}

/**
 * Tokens a second of a long prompt: products of many rows are bound by arithmetic, and partials travel
 * while the next are multiplied, so that the longer of the two counts.
 */
export function prefillTokensPerSecond(
  phases: readonly Phase[],
  devices: readonly DeviceRates[],
  link: Link,
): number {
  let computeSeconds = 0;
  let wireSeconds = 0;
  for (const { work, exchange } of phases) {
    const seconds = work.map(({ nOps }, rank) => nOps / ((devices[rank]?.gops ?? 0) * 1e9));
    computeSeconds += Math.max(...seconds);
    if (exchange !== undefined) wireSeconds += wireMs(exchange, link) / 1000;
  }
  return 1 / Math.max(computeSeconds, wireSeconds);
}

function slowest(work: readonly Work[], devices: readonly DeviceRates[]): Times {
  let worst: Times = { memoryMs: 0, arithmeticMs: 0 };
  for (const [rank, part] of work.entries()) {
    const device = devices[rank];
    if (device === undefined) continue;
    const time = workTime(part, device);
    const isSlower = time.memoryMs + time.arithmeticMs > worst.memoryMs + worst.arithmeticMs;
    if (isSlower) worst = time;
  }
  return worst;
}

interface Times {
  memoryMs: number;
  arithmeticMs: number;
}

/** Memory is read while the processor multiplies: the longer of the two counts. */
function workTime({ readBytes, nOps }: Work, { gbPerSecond, gops }: DeviceRates): Times {
  const memoryMs = readBytes / (gbPerSecond * 1e6);
  const arithmeticMs = Math.max(0, nOps / (gops * 1e6) - memoryMs);
  return { memoryMs, arithmeticMs };
}

/** A switch lets all devices send and receive at once; on a shared medium they take turns. */
function wireMs({ sentBytes, receivedBytes }: Exchange, link: Link): number {
  const nBytes = link.isShared
    ? sentBytes.reduce((sum, n) => sum + n, 0)
    : Math.max(...sentBytes, ...receivedBytes);
  return (nBytes / link.bytesPerSecond) * 1000;
}
