/**
 * The loading of a model on stderr, a line a worker, or one for a device alone: bars on a terminal; in a
 * pipe or a log a plain line now and then, and for each worker one at its end.
 */

import type { LoadProgress, WeightSources } from "@dllama/core";
import type { MultiBar, SingleBar } from "cli-progress";
import { isTalkative, log } from "./log.ts";
import { describeProgress } from "./progress.ts";
import { formatBytes, formatDuration } from "./units.ts";

/** Bars that flash up for less than this would only disturb. */
const BAR_DELAY_MS = 300;
const LINE_INTERVAL_MS = 5000;
const BAR_WIDTH = 20;

export interface LoadReport {
  update(progress: LoadProgress): void;
  /** The load is over; one that follows, after a loss, is reported anew. */
  end(): void;
}

/** @param nWorkers without any, the device alone has a line */
export function startLoadReport(nWorkers: number): Promise<LoadReport> | LoadReport {
  if (!isTalkative()) return { update() {}, end() {} };
  const ownName = nWorkers === 0 ? "Loading" : "This device";
  const nameOf = ({ rank, address }: LoadProgress) => (rank === 0 ? ownName : address);
  return process.stderr.isTTY ? barReport(nameOf) : lineReport(nameOf);
}

type NameOf = (progress: LoadProgress) => string;

function lineReport(nameOf: NameOf): LoadReport {
  // Ranks meet and measure first: a rate counts from the first weights.
  let startedAt: number | undefined;
  const due = new Map<number, number>();
  return {
    update(progress) {
      const now = performance.now();
      startedAt ??= now;
      const seconds = (now - startedAt) / 1000;
      if (progress.rank > 0 && isDone(progress)) {
        log.info(`${nameOf(progress)}: ${describeLoaded(progress, seconds)}`);
      } else if (now >= (due.get(progress.rank) ?? startedAt + LINE_INTERVAL_MS)) {
        due.set(progress.rank, now + LINE_INTERVAL_MS);
        log.info(`${nameOf(progress)}: ${describeLoading(progress, seconds)}`);
      }
    },
    end() {
      startedAt = undefined;
      due.clear();
    },
  };
}

async function barReport(nameOf: NameOf): Promise<LoadReport> {
  const { default: cliProgress } = await import("cli-progress");
  let startedAt: number | undefined;
  const latest = new Map<number, LoadProgress>();
  const bars = new Map<number, SingleBar>();
  let all: MultiBar | undefined;
  const show = (progress: LoadProgress, seconds: number): void => {
    all ??= new cliProgress.MultiBar({
      format: "{name} {bar} {figures}",
      barsize: BAR_WIDTH,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      stream: process.stderr,
      emptyOnZero: true,
    });
    const { rank, doneBytes, totalBytes } = progress;
    const figures = isDone(progress)
      ? describeLoaded(progress, seconds)
      : describeLoading(progress, seconds);
    const texts = { name: nameOf(progress), figures };
    const bar = bars.get(rank);
    if (bar === undefined) bars.set(rank, all.create(totalBytes, doneBytes, texts));
    // What is done keeps the time that it took.
    else if (bar.getProgress() < 1) bar.update(doneBytes, texts);
  };
  return {
    update(progress) {
      latest.set(progress.rank, progress);
      const now = performance.now();
      startedAt ??= now;
      if (now - startedAt < BAR_DELAY_MS) return;
      const seconds = (now - startedAt) / 1000;
      // A rank that was done before the bars appeared has a line, too.
      if (bars.size === 0) for (const other of latest.values()) show(other, seconds);
      else show(progress, seconds);
    },
    end() {
      all?.stop();
      all = undefined;
      startedAt = undefined;
      bars.clear();
      latest.clear();
    },
  };
}

function isDone({ doneBytes, totalBytes }: LoadProgress): boolean {
  return doneBytes === totalBytes;
}

/** `42% of 1.20 GiB, 100.00 MiB/s, 7 s left, 300.00 MiB cached` */
export function describeLoading(progress: LoadProgress, seconds: number): string {
  const { doneBytes, totalBytes, sources } = progress;
  const parts = progress.rank === 0 ? [] : kept(sources);
  return [describeProgress(doneBytes, totalBytes, seconds), ...parts].join(", ");
}

/** `1.20 GiB in 9 s: 921.60 MiB sent, 102.40 MiB/s, 307.20 MiB cached` */
export function describeLoaded(progress: LoadProgress, seconds: number): string {
  const { rank, totalBytes, sources } = progress;
  if (rank === 0) return `${formatBytes(totalBytes)} in ${formatDuration(seconds)}`;
  const { sentBytes } = sources;
  const rate = seconds > 0 ? [`${formatBytes(Math.round(sentBytes / seconds))}/s`] : [];
  const sent = sentBytes > 0 ? [`${formatBytes(sentBytes)} sent`, ...rate] : ["nothing sent"];
  const parts = [...sent, ...kept(sources)].join(", ");
  return `${formatBytes(totalBytes)} in ${formatDuration(seconds)}: ${parts}`;
}

function kept({ cachedBytes, heldBytes, localBytes }: WeightSources): string[] {
  const parts: [number, string][] = [
    [cachedBytes, "cached"],
    [heldBytes, "still in its memory"],
    [localBytes, "in its own model file"],
  ];
  return parts
    .filter(([nBytes]) => nBytes > 0)
    .map(([nBytes, where]) => `${formatBytes(nBytes)} ${where}`);
}
