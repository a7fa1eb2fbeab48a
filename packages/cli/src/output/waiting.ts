/** With --verbose: who is waited for when a forward does not go on. Slow is not lost. */

import type { Model } from "@dllama/core";

import { formatDuration } from "./units.ts";

/** A wait of up to this long is ordinary: the others compute. */
const LONG_MS = 2000;
const LOOK_MS = 500;
/** In a log, where a line cannot be overwritten. */
const REPEAT_MS = 10_000;

type Waiting = NonNullable<ReturnType<Model["waiting"]>>;

/** What is told of a wait; undefined for one that is not long. */
export function waitingText({ peers, ms }: Waiting): string | undefined {
  if (ms < LONG_MS || peers.length === 0) return undefined;
  const names = peers.map(
    ({ rank, address, silentMs }) =>
      `rank ${rank} (${address}, last sign of life ${(silentMs / 1000).toFixed(1)} s ago)`,
  );
  return `waiting for ${names.join(", ")} for ${formatDuration(ms / 1000)}`;
}

export interface WaitingWatch {
  end(): void;
}

/** Looks now and then until its end, and tells of each long wait at once, then every ten seconds. */
export function watchWaiting(
  waiting: () => Waiting | null,
  tell: (text: string) => void,
  { lookMs = LOOK_MS, repeatMs = REPEAT_MS } = {},
): WaitingWatch {
  let toldMs: number | undefined;
  const look = (): void => {
    const now = waiting();
    const text = now === null ? undefined : waitingText(now);
    if (now === null || text === undefined) {
      toldMs = undefined;
      return;
    }
    if (toldMs !== undefined && now.ms < toldMs + repeatMs) return;
    toldMs = now.ms;
    tell(text);
  };
  const timer = setInterval(look, lookMs);
  timer.unref();
  return { end: () => clearInterval(timer) };
}
