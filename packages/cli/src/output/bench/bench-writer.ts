/** What `dllama bench` prints on stdout: each `--format` is one file beside this one. */

import type { BenchmarkMachine, BenchmarkResult } from "@dllama/core";

export interface BenchStart {
  machine: BenchmarkMachine;
  /** The commit of dllama, where it is known. */
  commit: string | undefined;
  /** The file that was asked for, or null for a shape. */
  model: string | null;
  shape: string | null;
  nRanks: number;
  bufferFloatType: string;
  kvCacheType: string;
}

/** `start` once, then `result` for each test. */
export interface BenchWriter {
  start(start: BenchStart): void;
  result(result: BenchmarkResult): void;
}

export type Write = (text: string) => void;
