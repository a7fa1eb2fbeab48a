/** Times prompts and generations of one model, with each number of threads. */

import { cpus } from "node:os";

import { readRate } from "@dllama/bindings";

import type { SessionPlan } from "../cluster/session-plan.ts";
import { DllamaError } from "../errors.ts";
import { readGguf } from "../gguf/read-gguf.ts";
import { OneSequence } from "./one-sequence.ts";
import { loadRanks } from "../load-ranks.ts";
import type { RankOptions } from "../load-ranks.ts";
import { requireCount } from "../require-count.ts";
import { openModel } from "../models/model-family.ts";
import { fromNative } from "../native-error.ts";
import { physicalCores } from "../physical-cores.ts";
import { planTests, positionsNeeded, testSequences, testTokens } from "./cases.ts";
import type { BenchmarkTest, TestLists } from "./cases.ts";
import { spreadOf } from "./spread.ts";
import type { Spread } from "./spread.ts";
import { TimedRuns } from "./timed-runs.ts";
import { TimeLedger } from "./time-ledger.ts";
import type { TimeShares, TransferFigures } from "./time-ledger.ts";
import { tokenWeightBytes } from "./token-weights.ts";

export interface BenchmarkOptions extends TestLists, RankOptions {
  /** A GGUF file. It needs no tokenizer. */
  path: string;
  /** Threads of the root; every test runs with each. Defaults to the physical cores. */
  nthreads?: readonly number[] | undefined;
  /** Timed runs of each test. Defaults to `3`. */
  runs?: number | undefined;
  /** Told what is being done, before it is. */
  onPhase?: ((phase: string) => void) | undefined;
  /** Ends the benchmark at the next forward, with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The machine that computes. */
export interface BenchmarkMachine {
  type: "machine";
  processor: string;
  /** The instruction set that the root computes with. */
  isa: string;
  /** Physical cores that this process may use. */
  cores: number;
  /** What the ranks have agreed on; undefined for one rank alone. */
  plan: SessionPlan | undefined;
}

/** The runs of one test. */
export interface BenchmarkResult {
  type: "case";
  test: BenchmarkTest;
  nThreads: number;
  nRanks: number;
  /** Bytes of weights that all ranks read for a token, or for one of each sequence. */
  tokenWeightBytes: number;
  /** Of all sequences together. */
  tokensPerSecond: Spread;
  /** Of several sequences: `tokensPerSecond` by those of one, at the medians, if one was run. */
  factor: number | null;
  /** Tokens a second of each run. */
  runs: number[];
  /** Of decode: 10^9 bytes of weights a second on all ranks, at the median. */
  weightGbPerSecond: number | null;
  /** 10^9 bytes a second of the plain read loop on the root. */
  readLoopGbPerSecond: number;
  /** Of decode: the root's own weights a second by what its read loop reads. */
  readLoopShare: number | null;
  /** Parts of the root's time, all runs together. */
  times: TimeShares;
  /** Undefined for one rank, which has no network. */
  transfer: TransferFigures | undefined;
}

/**
 * Yields the machine, then a result for each test as soon as it is there.
 *
 * @throws DllamaError INVALID_ARGUMENT for tests beyond the model's context, and those of a load.
 */
export async function* benchmark(
  options: BenchmarkOptions,
): AsyncGenerator<BenchmarkMachine | BenchmarkResult, void, undefined> {
  const { path, nthreads = [physicalCores()], onPhase, signal } = options;
  for (const n of nthreads) requireCount("nthreads", n);
  const tests = planTests(options);
  const seqLen = positionsNeeded(tests);
  const nSequences = Math.max(1, ...tests.map(testSequences));
  requireCount("sequences", nSequences);
  const open = await openModel(await readGguf(path));
  requireContext(seqLen, open.contextLength);
  let isFirst = true;
  for (const n of new Set(nthreads)) {
    signal?.throwIfAborted();
    onPhase?.(`Loading, ${threads(n)}`);
    // oxlint-disable-next-line no-await-in-loop -- engines side by side would disturb each other
    const { engine, programs, plan } = await loadRanks(open, {
      ...options,
      nthreads: n,
      seqLen,
      nSequences,
    });
    try {
      if (isFirst) yield machine(engine.isa, plan);
      isFirst = false;
      const runs = new TimedRuns(engine, open.vocabSize, signal);
      const weights = programs.map(tokenWeightBytes);
      yield* measure(tests, runs, { ...options, nThreads: n, weights });
    } finally {
      // oxlint-disable-next-line no-await-in-loop -- the next engine needs the memory
      await fromNative(engine.dispose());
    }
  }
}

interface Setting extends BenchmarkOptions {
  nThreads: number;
  /** Bytes that a token reads on each rank. */
  weights: number[];
}

async function* measure(
  tests: readonly BenchmarkTest[],
  timed: TimedRuns,
  setting: Setting,
): AsyncGenerator<BenchmarkResult, void, undefined> {
  const { nThreads, weights, runs: nRuns = 3, onPhase, signal } = setting;
  const [own = 0] = weights;
  onPhase?.(`Reading memory in a plain loop, ${threads(nThreads)}`);
  const alone = new OneSequence();
  const bytesPerSecond = await fromNative(readRate(readLoopBytes(own), nThreads));
  for (const test of tests) {
    signal?.throwIfAborted();
    onPhase?.(`${describeTest(test)}, ${threads(nThreads)}`);
    // oxlint-disable-next-line no-await-in-loop -- measurements must not disturb each other
    await timed.fill(test);
    const ledger = new TimeLedger();
    const runs: number[] = [];
    // Weights that nobody has read yet come from the disk.
    // oxlint-disable-next-line no-await-in-loop -- see above
    if (test === tests[0]) await timed.run(test, new TimeLedger());
    for (let run = 0; run < nRuns; run++) {
      // oxlint-disable-next-line no-await-in-loop -- see above
      runs.push(await timed.run(test, ledger));
    }
    const tokensPerSecond = spreadOf(runs);
    const isDecode = test.test === "decode";
    const allWeights = weights.reduce((sum, n) => sum + n, 0);
    // A forward reads the weights once, for all sequences.
    const forwardsPerSecond = tokensPerSecond.median / testSequences(test);
    yield {
      type: "case",
      test,
      nThreads,
      nRanks: weights.length,
      tokenWeightBytes: allWeights,
      tokensPerSecond,
      factor: alone.factor(test, tokensPerSecond.median),
      runs,
      weightGbPerSecond: isDecode ? (forwardsPerSecond * allWeights) / 1e9 : null,
      readLoopGbPerSecond: bytesPerSecond / 1e9,
      readLoopShare: isDecode ? (forwardsPerSecond * own) / bytesPerSecond : null,
      times: ledger.shares,
      transfer: weights.length > 1 ? ledger.transfer : undefined,
    };
  }
}

/** As many as a token reads, unless that would push the model itself out of memory. */
function readLoopBytes(weightBytes: number): number {
  return Math.min(weightBytes, Math.floor(process.availableMemory() / 2));
}

function machine(isa: string, plan: SessionPlan | undefined): BenchmarkMachine {
  const processor = cpus()[0]?.model.trim() ?? "";
  const cores = physicalCores();
  return { type: "machine", processor: processor || process.arch, isa, cores, plan };
}

/** `Prefill of 64 tokens at depth 2000` */
function describeTest(test: BenchmarkTest): string {
  const what = test.test === "prefill" ? "Prefill" : "Decode";
  const n = testSequences(test);
  const sequences = n === 1 ? "" : ` of ${n} sequences`;
  return `${what} of ${testTokens(test)} tokens${sequences} at depth ${test.depth}`;
}

function threads(n: number): string {
  return n === 1 ? "1 thread" : `${n} threads`;
}

function requireContext(needed: number, contextLength: number): void {
  if (needed <= contextLength) return;
  throw new DllamaError(
    "INVALID_ARGUMENT",
    `expected a depth and tokens that fit the model's ${contextLength} positions, got ${needed} together`,
    { hint: "Lower --depth, --prompt-tokens or --generated-tokens." },
  );
}
