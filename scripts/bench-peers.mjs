/**
 * Compares dllama with llama.cpp: `pnpm bench:peers`, whose `--help` tells the rest. Everything that
 * the comparison needs is built, installed and made first.
 */

import { join } from "node:path";

import { bringUpToDate } from "./lib/build.mjs";
import { stopChildrenOnSignals } from "./lib/children.mjs";
import { withLock } from "./lib/lock.mjs";
import { contextSize, planCases } from "./lib/peers/cases.mjs";
import { commitName } from "./lib/peers/commit.mjs";
import { createFormat } from "./lib/peers/formats.mjs";
import { HELP, readOptions } from "./lib/peers/options.mjs";
import { PeersError } from "./lib/peers/peers-error.mjs";

const say = (line) => process.stderr.write(`${line}\n`);

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
    const got = `${process.platform} on ${process.arch}`;
    throw new PeersError("NOT_SUPPORTED", `expected Linux on x64 or arm64, got ${got}`);
  }

  const problem = await bringUpToDate({ say, output: "stderr" });
  if (problem) throw new PeersError("CHILD_FAILED", problem);
  // Imported late: it needs what was just built.
  const { compare } = await import("./lib/peers/compare.mjs");

  const cases = planCases(options);
  const setup = { commit: commitName(), positions: contextSize(cases), options };
  const format = createFormat(options.format, setup);
  const onWait = (pid) => say(`Waiting for the comparison that process ${pid} runs ...`);
  await withLock(join(options.folder, "lock"), onWait, async () => {
    for await (const result of compare(options, cases, say)) {
      process.stdout.write(format[result.type](result));
    }
  });
  process.stdout.write(format.end());
}

stopChildrenOnSignals();
try {
  await main();
} catch (error) {
  if (!(error instanceof PeersError)) throw error;
  process.stderr.write(`bench:peers: ${error.message}\n`);
  // Children may be left.
  process.exit(error.code === "USAGE" ? 2 : 1);
}
