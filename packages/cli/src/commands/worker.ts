/** `dllama worker`: serves one root after another until it is stopped. */

import { once } from "node:events";
import { defineCommand } from "citty";
import { isLoopback, joinAddress } from "../args/addresses.ts";
import type { ParsedFlags } from "../args/command-spec.ts";
import { parse } from "../args/parse.ts";
import { insecureDescription } from "../args/shared-flags.ts";
import { UsageError } from "../args/usage-error.ts";
import { workerSpec } from "../args/worker.ts";
import { log, setVerbosity } from "../output/log.ts";
import { untilStopped } from "../stop.ts";

type Flags = ParsedFlags<typeof workerSpec>;

export { workerSpec as spec } from "../args/worker.ts";

export const command = defineCommand({
  run({ rawArgs }) {
    const { flags } = parse(workerSpec, rawArgs);
    setVerbosity(flags);
    if (!isLoopback(flags.host) && !flags.insecure) {
      throw new UsageError(
        `--host ${flags.host} lets other devices reach this worker, which needs --insecure`,
        insecureDescription,
      );
    }
    return untilStopped((signal) => serve(flags, signal));
  },
});

async function serve(flags: Flags, signal: AbortSignal): Promise<void> {
  const { host, port, nthreads, model, "max-memory": maxMemory } = flags;
  const { serveWorker } = await import("@dllama/core");
  const worker = await serveWorker({
    host,
    port,
    nthreads,
    maxMemory,
    model,
    cache: !flags["no-cache"],
    cacheFolder: flags["cache-dir"],
    maxCacheBytes: flags["max-cache-size"],
    onEvent: ({ kind, message }) =>
      kind === "cacheFailed" ? log.warn(message) : log.info(message),
  });
  // On stdout and alone on its line: a script that starts workers with --port 0 reads it.
  process.stdout.write(`Listening on ${joinAddress(worker.host, worker.port)}\n`);
  if (isLoopback(host)) {
    log.info(
      "Only this device can reach the worker. For others: --host ADDRESS --insecure, in a network that you trust.",
    );
  } else {
    log.warn(insecureDescription);
  }
  if (!signal.aborted) await once(signal, "abort");
  await worker.close();
}
