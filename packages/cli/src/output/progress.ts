/**
 * Progress of something long, on stderr: a bar on a terminal, a plain line now and then in a pipe
 * or a log, nothing with --quiet. What is done before the first line is due leaves no trace.
 */

import type { SingleBar } from "cli-progress";
import { isTalkative, log } from "./log.ts";
import { formatBytes, formatDuration } from "./units.ts";

/** A bar that flashes up for less than this would only disturb. */
const BAR_DELAY_MS = 300;
const LINE_INTERVAL_MS = 5000;

export interface Progress {
  update(doneBytes: number, totalBytes: number): void;
  end(): void;
}

export function startProgress(label: string): Promise<Progress> | Progress {
  if (!isTalkative()) return { update() {}, end() {} };
  return process.stderr.isTTY ? barProgress(label) : lineProgress(label);
}

function lineProgress(label: string): Progress {
  const startedAt = performance.now();
  let dueAt = startedAt + LINE_INTERVAL_MS;
  return {
    update(doneBytes, totalBytes) {
      const now = performance.now();
      if (now < dueAt) return;
      dueAt = now + LINE_INTERVAL_MS;
      log.info(`${label}: ${describeProgress(doneBytes, totalBytes, (now - startedAt) / 1000)}`);
    },
    end() {},
  };
}

async function barProgress(label: string): Promise<Progress> {
  const { default: cliProgress } = await import("cli-progress");
  const startedAt = performance.now();
  let bar: SingleBar | undefined;
  return {
    update(doneBytes, totalBytes) {
      const now = performance.now();
      if (now - startedAt < BAR_DELAY_MS) return;
      const figures = describeProgress(doneBytes, totalBytes, (now - startedAt) / 1000);
      if (bar === undefined) {
        bar = new cliProgress.SingleBar({
          format: `${label} {bar} {figures}`,
          barsize: Math.max(8, Math.min(40, (process.stderr.columns || 80) - label.length - 64)),
          barCompleteChar: "█",
          barIncompleteChar: "░",
          stream: process.stderr,
          // Leaves the terminal's own wrapping as it is: a process that is killed could not turn it
          // on again.
          linewrap: true,
        });
        bar.start(totalBytes, doneBytes, { figures });
      }
      bar.setTotal(totalBytes);
      bar.update(doneBytes, { figures });
    },
    end: () => bar?.stop(),
  };
}

/** `42% of 3.59 GiB, 250.00 MiB/s, 9 s left`; the rate is the mean since the start. */
export function describeProgress(doneBytes: number, totalBytes: number, seconds: number): string {
  const percent = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
  const parts = [`${percent}% of ${formatBytes(totalBytes)}`];
  if (doneBytes > 0 && seconds > 0) {
    const rate = doneBytes / seconds;
    parts.push(`${formatBytes(Math.round(rate))}/s`);
    if (doneBytes < totalBytes) {
      parts.push(`${formatDuration((totalBytes - doneBytes) / rate)} left`);
    }
  }
  return parts.join(", ");
}
