/**
 * Measures starts of a model of about 1 GiB over a root and two workers of this machine: the first, those
 * that find the weights again in one place or another, and one after a change of the split. Compiled program.
 *
 *     npx -y pnpm@10.34.9 build && node scripts/measure-start-cached.mjs [--shape llama2-7b-8-layers]
 *
 * Seconds are from the root's start to its first token, and there is a page cache for the file and for the
 * caches: on a slow disk or card the first start takes as long as reading it. Needs 2 GiB in the system's
 * temporary folder, which it gives back.
 */

import { once } from "node:events";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { measurement } from "./lib/measure/measurement.mjs";
import { printTable } from "./lib/measure/spread.mjs";
import { writeSyntheticModel } from "./lib/synthetic-model.mjs";

const { values } = parseArgs({
  options: { shape: { type: "string", default: "llama2-7b-8-layers" } },
});

await measurement(async ({ folder, dllama, worker }) => {
  const model = await writeSyntheticModel(folder, values.shape);
  const caches = [1, 2].map((rank) => join(folder, `cache-${rank}`));
  const rows = [];

  /** Fresh workers with these flags each, and how long the root takes with them. */
  const start = async (what, flags, use = runRoot) => {
    const workers = await Promise.all(flags.map((some) => worker("--nthreads", "1", ...some)));
    for (const { child } of workers) child.stderr.resume();
    rows.push([what, ...(await use(workers.map(({ address }) => address)))]);
    await settled(caches);
    for (const { child } of workers) {
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  };

  /** Seconds to the first token, and what the root says of its workers. */
  const runRoot = async (addresses) => {
    const begin = performance.now();
    const flags = ["--steps", "1", "--temperature", "0", "--nthreads", "1", "--format", "json"];
    const plan = ["--split", "equal", "--all-reduce", "direct", "--workers", ...addresses];
    const child = dllama("inference", "-m", model, "-p", "Hello", ...flags, ...plan);
    let [firstMs, log] = [undefined, ""];
    child.stdout.on("data", (text) => {
      if (text.includes('"token"')) firstMs ??= performance.now() - begin;
    });
    child.stderr.on("data", (text) => (log += text));
    const [code] = await once(child, "close");
    if (code !== 0 || firstMs === undefined) throw new Error(`the root ended with ${code}: ${log}`);
    const told = log.split("\n").filter((line) => /: .* in \d+ m?s: /.test(line));
    const parts = told.map((line) =>
      line.replace(/^.* in \d+ m?s: /, "").replace(/, [\d.]+ [KMG]iB\/s/, ""),
    );
    return [(firstMs / 1000).toFixed(2), [...new Set(parts)].join("; ")];
  };

  const kept = caches.map((cache) => ["--cache-dir", cache]);
  const unkept = caches.map(() => ["--no-cache"]);
  await start("first, hashes not known, no cache", unkept);
  await start("hashes known, no cache", unkept);
  await start("hashes known, cache empty", kept);
  await start("second: everything cached", kept);
  await start(
    "workers with the same file, hashed for the first time",
    caches.map((cache) => ["--cache-dir", `${cache}-local`, "--model", model]),
  );
  await start(
    "the same again",
    caches.map((cache) => ["--cache-dir", `${cache}-local`, "--model", model]),
  );
  rmSync(join(folder, "cache"), { recursive: true, force: true });
  await start("everything cached, the root has lost its hashes", kept);
  await start("one worker of the two: what is missing", kept.slice(0, 1));

  printTable(["start", "seconds to the first token", "from where, by worker"], rows);
});

/** Waits until the caches are written: that goes on beside a session and after it. */
async function settled(caches) {
  const total = () => caches.reduce((sum, cache) => sum + bytesIn(cache), 0);
  for (let before = -1, now = total(); now !== before;) {
    await sleep(500);
    [before, now] = [now, total()];
  }
}

function bytesIn(folder) {
  try {
    const entries = readdirSync(folder, { recursive: true }).map((entry) => join(folder, entry));
    return entries.reduce(
      (sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  } catch {
    return 0;
  }
}
