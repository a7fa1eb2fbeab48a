/**
 * `dllama inference`: one prompt through one model, on this device alone or shared over several.
 */

import type { Model } from "@dllama/core";
import { defineCommand } from "citty";
import { checkSplit } from "../args/check-split.ts";
import { checkWorkers } from "../args/check-workers.ts";
import type { ParsedFlags } from "../args/command-spec.ts";
import { inferenceSpec } from "../args/inference.ts";
import { parse } from "../args/parse.ts";
import { UsageError } from "../args/usage-error.ts";
import { runWriters } from "../output/formats.ts";
import { shortened } from "../output/escape.ts";
import { clusterEventText } from "../output/cluster-event.ts";
import { warnOfInsecure } from "../output/insecure-warning.ts";
import { log, setVerbosity } from "../output/log.ts";
import { planText } from "../output/plan.ts";
import { startLoadReport } from "../output/load-progress.ts";
import { sharedRankText } from "../output/shared-rank.ts";
import { watchWaiting } from "../output/waiting.ts";
import type { RunWriter } from "../output/run-writer.ts";
import { orAborted, untilStopped } from "../stop.ts";

type Flags = ParsedFlags<typeof inferenceSpec>;

export { inferenceSpec as spec } from "../args/inference.ts";

export const command = defineCommand({
  run({ rawArgs }) {
    const { flags, positionals } = parse(inferenceSpec, rawArgs);
    setVerbosity(flags);
    if (flags.model !== undefined && positionals.model !== undefined) {
      throw new UsageError(
        `two models: --model ${flags.model} and ${positionals.model}`,
        "Give one of them.",
      );
    }
    checkWorkers(flags.workers);
    checkSplit(flags.split, flags.workers);
    if (flags.insecure && flags.workers.length > 0) warnOfInsecure();
    const path = flags.model ?? positionals.model;
    return untilStopped((signal) => infer(flags, path, signal));
  },
});

async function infer(flags: Flags, path: string | undefined, signal: AbortSignal): Promise<void> {
  const { readPrompt } = await import("./prompt-source.ts");
  const prompt = await readPrompt(flags, signal);
  if (path === undefined) {
    log.info("Running the small embedded model; --model FILE runs another.");
  }
  const model = await load(flags, path, signal);
  try {
    const writer = runWriters[flags.format]({
      write: (text) => process.stdout.write(text),
      isTerminal: process.stdout.isTTY,
      echo: flags.echo,
    });
    await generate(model, prompt, flags, writer, signal);
  } finally {
    await model.dispose();
  }
}

async function load(flags: Flags, path: string | undefined, signal: AbortSignal): Promise<Model> {
  const { explainBusErrors, loadModel } = await import("@dllama/core");
  explainBusErrors();
  const report = await startLoadReport(flags.workers.length);
  try {
    const loading = loadModel({
      path,
      workers: flags.workers,
      tokenFile: flags["token-file"],
      insecure: flags.insecure,
      nthreads: flags.nthreads,
      maxSeqLen: flags["max-seq-len"],
      bufferFloatType: flags["buffer-float-type"],
      kvCacheType: flags["kv-cache-type"],
      allReduce: flags["all-reduce"],
      onLost: flags["on-lost"],
      onLostTimeoutMs: flags["on-lost-timeout"] * 1000,
      onEvent: (event) => {
        report.end();
        const told = clusterEventText(event, "model", flags["on-lost-timeout"]);
        if (told !== undefined) log.warn(told);
      },
      split: flags.split,
      onShared: (ranks) => ranks.forEach((rank, index) => log.debug(sharedRankText(rank, index))),
      tokenizer: flags.tokenizer,
      weightsFloatType: flags["weights-float-type"],
      onProgress: (progress) => report.update(progress),
    });
    return await orAborted(loading, signal);
  } finally {
    report.end();
  }
}

async function generate(
  model: Model,
  prompt: string,
  flags: Flags,
  writer: RunWriter,
  signal: AbortSignal,
): Promise<void> {
  const generation = model.generate(prompt, {
    steps: unlessMinusOne(flags.steps),
    temperature: flags.temperature,
    topP: flags["top-p"],
    seed: unlessMinusOne(flags.seed),
    ignoreEos: flags["ignore-eos"],
    signal,
    onEvent: (event) => {
      const told = clusterEventText(event, "text", flags["on-lost-timeout"]);
      if (told !== undefined) log.warn(told);
      writer.clusterEvent?.(event);
    },
  });
  const { info } = model;
  const bufferFloatType = flags["buffer-float-type"];
  const kvCacheType = flags["kv-cache-type"];
  log.info(
    `${shortened(info.name, MAX_NAME)}: ${count(info.worldSize, "rank")}, ${count(info.nthreads, "thread")} (${info.isa}), ` +
      `${bufferFloatType} buffers, ${kvCacheType} KV cache, seed ${generation.seed}`,
  );
  if (info.plan !== undefined) log.info(planText(info.plan));
  writer.start({ info, seed: generation.seed, bufferFloatType, kvCacheType });
  let hasPrompt = false;
  const writePrompt = () => {
    if (hasPrompt || generation.prompt === undefined) return;
    hasPrompt = true;
    writer.prompt(generation.prompt);
  };
  const watch = flags.verbose
    ? watchWaiting(
        () => model.waiting(),
        (text) => log.debug(text),
      )
    : undefined;
  try {
    for await (const token of generation) {
      writePrompt();
      writer.token(token);
    }
  } finally {
    watch?.end();
  }
  // A run may end with its prompt: the first token was EOS, or Ctrl-C came.
  writePrompt();
  if (generation.summary === undefined) return;
  writer.summary(generation.summary);
  // The report has it on stdout, beside the figures; a text is nothing but the text.
  if (flags.format === "text") for (const advice of generation.summary.advice) log.info(advice);
}

/** As in llama.cpp, -1 is what happens without the flag. */
function unlessMinusOne(value: number | undefined): number | undefined {
  return value === -1 ? undefined : value;
}

/** Models are called by a few words; a file may say anything. */
const MAX_NAME = 100;

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
