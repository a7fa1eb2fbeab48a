/** `dllama worker`: serves one root after another until it is stopped. */

import { once } from "node:events";
import type { RunningWorker } from "@dllama/core";
import { defineCommand } from "citty";
import { isLoopback, joinAddress } from "../args/addresses.ts";
import type { ParsedFlags } from "../args/command-spec.ts";
import { parse } from "../args/parse.ts";
import { workerSpec } from "../args/worker.ts";
import { warnOfInsecure } from "../output/insecure-warning.ts";
import { log, setVerbosity } from "../output/log.ts";
import { reachableAddress } from "../output/reachable-address.ts";
import { orAborted, untilStopped } from "../stop.ts";

type Flags = ParsedFlags<typeof workerSpec>;

export { workerSpec as spec } from "../args/worker.ts";

export const command = defineCommand({
  run({ rawArgs }) {
    const { flags } = parse(workerSpec, rawArgs);
    setVerbosity(flags);
    return untilStopped((signal) => serve(flags, signal), { isServer: true });
  },
});

async function serve(flags: Flags, signal: AbortSignal): Promise<void> {
  const { explainBusErrors, serveWorker } = await import("@dllama/core");
  explainBusErrors();
  const { host, port, nthreads, insecure, model, "max-memory": maxMemory } = flags;
  const starting = serveWorker({
    host,
    port,
    nthreads,
    tokenFile: flags["token-file"],
    insecure,
    maxMemory,
    model,
    cache: !flags["no-cache"],
    cacheFolder: flags["cache-dir"],
    maxCacheBytes: flags["max-cache-size"],
    onEvent: ({ kind, message }) =>
      kind === "cacheFailed" ? log.warn(message) : log.info(message),
  });
  const worker = await orAborted(starting, signal);
  // On stdout and alone on its line: a script that starts workers with --port 0 reads it.
  process.stdout.write(`Listening on ${joinAddress(worker.host, worker.port)}\n`);
  tellWhoMayCome(worker);
  if (!signal.aborted) await once(signal, "abort");
  await worker.close();
}

function tellWhoMayCome({ host, port, token }: RunningWorker): void {
  if (token === undefined) return warnOfInsecure();
  const isLocal = isLoopback(host);
  if (isLocal) log.info("Only this device can reach the worker. Without --host, others can, too.");
  if (token.origin === "created") {
    const address = joinAddress(reachableAddress(host), port);
    const variable = `DLLAMA_TOKEN=${token.token}`;
    // Once, and not in the log: whoever has this line can use the worker.
    process.stdout.write(
      `Made a token and stored it in ${token.path}, where roots and workers of this user find it.\n` +
        `${isLocal ? "As another user, or through a tunnel" : "On another device that has the model"}:\n` +
        `  ${variable} dllama inference --model MODEL.gguf --prompt "Hello" --workers ${address}\n` +
        (isLocal ? "" : `On further workers:\n  ${variable} dllama worker\n`),
    );
    return;
  }
  const places = { option: "the option", environment: "DLLAMA_TOKEN", file: "", stored: "" };
  const place = token.path ?? places[token.origin];
  log.info(`Serving roots that have the token in ${place}.`);
}
