/** `dllama bench`: how fast this device, or several, compute a model or a synthetic one. */

import { join } from "node:path";
import type { ShapeName } from "@dllama/converter/shapes";
import { defineCommand } from "citty";
import { benchSpec } from "../args/bench.ts";
import { checkSplit } from "../args/check-split.ts";
import { checkWorkers } from "../args/check-workers.ts";
import type { ParsedFlags } from "../args/command-spec.ts";
import { parse } from "../args/parse.ts";
import { UsageError } from "../args/usage-error.ts";
import { benchWriters } from "../output/bench/formats.ts";
import { warnOfInsecure } from "../output/insecure-warning.ts";
import { log, setVerbosity } from "../output/log.ts";
import { sharedRankText } from "../output/shared-rank.ts";
import { createStatus } from "../output/status.ts";
import { sourceCommit } from "../source-commit.ts";
import { untilStopped } from "../stop.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";

type Flags = ParsedFlags<typeof benchSpec>;

const DEFAULT_SHAPE: ShapeName = "tinyllama-1.1b";

export { benchSpec as spec } from "../args/bench.ts";

export const command = defineCommand({
  run({ rawArgs }) {
    const { flags } = parse(benchSpec, rawArgs);
    setVerbosity(flags);
    if (flags.model !== undefined && flags.shape !== undefined) {
      throw new UsageError("--model and --shape exclude each other", "Give one of them.");
    }
    const lengths = [...flags["prompt-tokens"], ...flags["generated-tokens"]];
    if (lengths.every((n) => n === 0)) {
      throw new UsageError(
        "--prompt-tokens 0 and --generated-tokens 0 leave nothing to measure",
        "Give one of them a number above 0.",
      );
    }
    checkWorkers(flags.workers);
    checkSplit(flags.split, flags.workers);
    if (flags.insecure && flags.workers.length > 0) warnOfInsecure();
    return untilStopped((signal) => bench(flags, signal));
  },
});

async function bench(flags: Flags, signal: AbortSignal): Promise<void> {
  const { model } = flags;
  if (model !== undefined) {
    await measure(flags, { path: model, model, shape: null }, signal);
    return;
  }
  const { planTests, positionsNeeded } = await import("@dllama/core");
  const { writeSparseModel } = await import("@dllama/converter");
  const shape = flags.shape ?? DEFAULT_SHAPE;
  await withTemporaryFolder(async (folder) => {
    const path = join(folder, `${shape}.gguf`);
    await writeSparseModel(path, {
      shape,
      contextLength: positionsNeeded(planTests(tests(flags))),
    });
    await measure(flags, { path, model: null, shape, cacheFolder: folder }, signal);
  });
}

function tests(flags: Flags) {
  return {
    promptTokens: flags["prompt-tokens"],
    generatedTokens: flags["generated-tokens"],
    sequences: flags.sequences,
    depths: flags.depth,
  };
}

interface Subject {
  path: string;
  model: string | null;
  shape: string | null;
  /** Where its plan is kept, if not in the user's cache: a synthetic model is never seen again. */
  cacheFolder?: string;
}

async function measure(flags: Flags, subject: Subject, signal: AbortSignal): Promise<void> {
  const { benchmark, explainBusErrors } = await import("@dllama/core");
  explainBusErrors();
  const { nthreads, workers, runs, "buffer-float-type": bufferFloatType } = flags;
  const { path, model, shape } = subject;
  const kvCacheType = flags["kv-cache-type"];
  const writer = benchWriters[flags.format]((text) => process.stdout.write(text));
  const status = createStatus();
  const events = benchmark({
    ...tests(flags),
    path,
    workers,
    tokenFile: flags["token-file"],
    insecure: flags.insecure,
    runs,
    bufferFloatType,
    kvCacheType,
    allReduce: flags["all-reduce"],
    split: flags.split,
    onShared: (ranks) => ranks.forEach((rank, index) => log.debug(sharedRankText(rank, index))),
    cacheFolder: subject.cacheFolder,
    nthreads: nthreads.length === 0 ? undefined : nthreads,
    onPhase: (phase) => status.show(phase),
    signal,
  });
  try {
    for await (const event of events) {
      status.clear();
      if (event.type === "case") {
        writer.result(event);
        continue;
      }
      const [commit, nRanks] = [await sourceCommit(), workers.length + 1];
      writer.start({ machine: event, commit, model, shape, nRanks, bufferFloatType, kvCacheType });
    }
  } finally {
    status.clear();
  }
}
