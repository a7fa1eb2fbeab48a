/** The figures of a benchmark as people read them. */

import type { BenchmarkResult } from "@dllama/core";
import { planText } from "../plan.ts";
import type { BenchStart } from "./bench-writer.ts";

/** `prefill 64`, `decode 32`, or `decode 32 x 4` of four sequences */
export function testName({ test }: BenchmarkResult): string {
  if (test.test === "prefill") return `prefill ${test.promptTokens}`;
  const sequences = test.sequences === 1 ? "" : ` x ${test.sequences}`;
  return `decode ${test.generatedTokens}${sequences}`;
}

/** How many times what one sequence reaches: `3.42`; empty where nothing is compared. */
export function timesOne({ factor }: BenchmarkResult): string {
  return factor === null ? "" : factor.toFixed(2);
}

/** Three digits or more: `7.42`, `64.7`, `1208`. */
export function rate(value: number): string {
  if (value < 10) return value.toFixed(2);
  return value.toFixed(value < 1000 ? 1 : 0);
}

/** `117.9 to 118.7` */
export function range({ tokensPerSecond }: BenchmarkResult): string {
  return `${rate(tokensPerSecond.minimum)} to ${rate(tokensPerSecond.maximum)}`;
}

/** A part of 1 in percent: `91.2%`. */
export function percent(part: number): string {
  return `${(part * 100).toFixed(1)}%`;
}

/** What part of the plain read loop's rate decode reaches: `80.0% of 28.8`; empty for prefill. */
export function ofReadLoop({ readLoopShare, readLoopGbPerSecond }: BenchmarkResult): string {
  if (readLoopShare === null) return "";
  return `${percent(readLoopShare)} of ${readLoopGbPerSecond.toFixed(1)}`;
}

/** 1 kB is 1024 bytes, as in a run's report. */
export function kilobytes(nBytes: number): string {
  return (nBytes / 1024).toFixed(1);
}

/** Kinds of time by the names that people read, in the order in which they are printed. */
export function timesByName({ times }: BenchmarkResult): [string, number][] {
  const { matmul, attention, norm, wait, network, sampling, javaScript, other } = times;
  const byName = {
    matmul,
    attention,
    norm,
    wait,
    network,
    sampling,
    JavaScript: javaScript,
    other,
  };
  return Object.entries(byName);
}

/** The machine, what it computes, and the plan if there are several ranks: a line each. */
export function heading(start: BenchStart): string[] {
  const { machine, commit, model, shape, nRanks, bufferFloatType, kvCacheType } = start;
  const cores = count(machine.cores, "core");
  const from = commit === undefined ? "" : `, commit ${commit}`;
  return [
    `${machine.processor}, ${cores}, ${machine.isa}${from}`,
    `${shape === null ? (model ?? "") : `synthetic model of shape ${shape}, Q40`}; ` +
      `${count(nRanks, "rank")}, ${bufferFloatType} buffers, ${kvCacheType} KV cache`,
    ...(machine.plan === undefined ? [] : [planText(machine.plan)]),
  ];
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
