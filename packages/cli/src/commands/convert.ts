/**
 * `dllama convert`: a checkpoint folder to a GGUF model, or with --dry-run a look at what that
 * would be.
 */

import type { ConversionOptions } from "@dllama/converter";
import { defineCommand } from "citty";
import { convertSpec } from "../args/convert.ts";
import { parse } from "../args/parse.ts";
import { conversionTable } from "../output/conversion-table.ts";
import { log, setVerbosity } from "../output/log.ts";
import { startProgress } from "../output/progress.ts";
import { shellQuote } from "../output/shell-quote.ts";
import { formatBytes, formatDuration } from "../output/units.ts";
import { untilStopped } from "../stop.ts";

export { convertSpec as spec } from "../args/convert.ts";

export const command = defineCommand({
  run({ rawArgs }) {
    const { flags, positionals } = parse(convertSpec, rawArgs);
    setVerbosity(flags);
    const options = {
      ...positionals,
      output: flags.output,
      tokenizer: flags.tokenizer,
      contextLength: flags["context-length"],
      force: flags.force,
    };
    return untilStopped((signal) => (flags["dry-run"] ? preview(options) : run(options, signal)));
  },
});

async function preview(options: ConversionOptions): Promise<void> {
  const { planConversion } = await import("@dllama/converter");
  const plan = await planConversion(options);
  process.stdout.write(conversionTable(plan));
  for (const note of plan.notes) log.info(note);
}

async function run(options: ConversionOptions, signal: AbortSignal): Promise<void> {
  const { convert } = await import("@dllama/converter");
  log.info(`Converting ${options.folder} to ${options.type}`);
  const startedAt = performance.now();
  const progress = await startProgress("Converting");
  const plan = await convert(options, {
    signal,
    onProgress: ({ doneBytes, totalBytes }) => progress.update(doneBytes, totalBytes),
  }).finally(() => progress.end());
  for (const note of plan.notes) log.info(note);
  const seconds = (performance.now() - startedAt) / 1000;
  log.info(
    `Wrote ${plan.outputPath}, ${formatBytes(plan.nBytes)} in ${formatDuration(seconds)}. To run it:`,
  );
  const model = shellQuote(plan.outputPath);
  process.stdout.write(`dllama inference --model ${model} --prompt "Once upon a time"\n`);
}
