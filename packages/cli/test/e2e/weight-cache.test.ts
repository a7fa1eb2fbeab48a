/** Weights are sent once: what crosses the socket at a second start, and what the disk does to it. */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CountingProxy } from "../support/counting-proxy.ts";
import { writeRandomModel } from "../support/random-model.ts";
import { dllama, folder, Program, startWorker } from "./harness.ts";

const model = join(folder, "random.gguf");
const otherModel = join(folder, "other.gguf");
await writeRandomModel(model, 1);
await writeRandomModel(otherModel, 2);

/** A fixed split: behind a proxy each start has other workers by name, and would measure anew. */
const fixed = ["--split", "equal", "--all-reduce", "direct"];
const flags = "--steps 8 --temperature 0 --ignore-eos --nthreads 1".split(" ").concat(fixed);
const run = ["inference", "--model", model, "--prompt", "Hi", ...flags, "--format", "text"];

/** More than a Program, hashes and some forwards take on the wire, and a sixth of a rank's weights. */
const FEW_BYTES = 1_000_000;
const PATIENCE_MS = 60_000;

interface Start {
  text: string;
  /** From the root to the worker, of all kinds. */
  wireBytes: number;
  /** What the root says about the worker. */
  line: string;
}

async function start(address: string, args: readonly string[] = run): Promise<Start> {
  const proxy = await CountingProxy.before(address);
  const { code, stdout, stderr } = await dllama([...args, "--workers", proxy.address]);
  assert.is(code, 0, stderr);
  const line = stderr.split("\n").find((text) => text.startsWith(`${proxy.address}: `));
  assert.ok(line !== undefined, stderr);
  return { text: stdout, wireBytes: proxy.nBytes, line };
}

/** A worker for as long as `use` takes. */
async function withWorker<T>(
  workerFlags: readonly string[],
  use: (address: string, program: Program) => Promise<T>,
  options: { environment?: Record<string, string> } = {},
): Promise<T> {
  const { program, address } = await startWorker({ args: workerFlags, ...options });
  try {
    return await use(address, program);
  } finally {
    program.kill("SIGTERM");
    await program.ended;
  }
}

function units(cache: string): string[] {
  const all = readdirSync(join(cache, "weights"), { recursive: true, encoding: "utf8" });
  return all
    .filter((path) => /[0-9a-f]{64}$/.test(path))
    .map((path) => join(cache, "weights", path));
}

function totalBytes(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + statSync(path).size, 0);
}

/** Waits until nothing is added to the cache: it is written beside the session. */
async function settled(cache: string): Promise<number> {
  for (let before = -1, waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += 100) {
    const now = totalBytes(units(cache));
    if (now === before && now > 0) return now;
    before = now;
    // oxlint-disable-next-line no-await-in-loop -- it looks again
    await sleep(100);
  }
  throw new Error("the cache does not settle");
}

const cache = join(folder, "weights-of-one");
let first: Start;

test("the first start sends a share, the second nothing, and both tell the same", async () => {
  first = await withWorker(["--cache-dir", cache], async (address) => {
    const started = await start(address);
    await settled(cache);
    return started;
  });
  const kept = totalBytes(units(cache));
  assert.ok(first.wireBytes > kept && kept > 5_000_000, `${first.wireBytes}, ${kept}`);
  assert.match(first.line, /: [\d.]+ MiB in \d+ m?s: [\d.]+ MiB sent, [\d.]+ [KM]iB\/s$/);

  await withWorker(["--cache-dir", cache], async (address, worker) => {
    const second = await start(address);
    assert.ok(second.wireBytes < FEW_BYTES, String(second.wireBytes));
    assert.match(second.line, /: nothing sent, [\d.]+ MiB cached$/);
    assert.is(second.text, first.text);
    await worker.printed(
      "stderr",
      /weights are loaded: 0\.0 MiB sent, [\d.]+ MiB from the cache\./,
    );
  });
});

test("a damaged entry is fetched again, and mended", async () => {
  const entries = units(cache);
  const damaged = entries.slice(0, 3);
  const contents = damaged.map((path) => readFileSync(path));
  for (const [index, bytes] of contents.entries()) {
    const worse = Buffer.from(bytes);
    worse[1000 * index] = (worse[1000 * index] ?? 0) ^ 1;
    writeFileSync(damaged[index] ?? "", worse);
  }
  await withWorker(["--cache-dir", cache], async (address) => {
    const again = await start(address);
    assert.is(again.text, first.text);
    assert.match(again.line, /MiB cached$/);
    const nBytes = totalBytes(damaged);
    assert.ok(again.wireBytes > nBytes && again.wireBytes < nBytes + FEW_BYTES);
    for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += 100) {
      const isMended = damaged.every((path, index) => {
        const now = statSync(path, { throwIfNoEntry: false }) && readFileSync(path);
        return now?.equals(contents[index] ?? new Uint8Array());
      });
      if (isMended) return;
      // oxlint-disable-next-line no-await-in-loop -- it looks again
      await sleep(100);
    }
    throw new Error("the entries stay damaged");
  });
});

test("with --no-cache everything is sent again, and nothing is written", async () => {
  const unused = join(folder, "unused");
  mkdirSync(unused);
  await withWorker(["--no-cache", "--cache-dir", unused], async (address) => {
    for (let n = 0; n < 2; n++) {
      // oxlint-disable-next-line no-await-in-loop -- one worker
      const { line, text } = await start(address);
      assert.match(line, /MiB sent/);
      assert.is(text, first.text);
    }
  });
  assert.equal(readdirSync(unused), []);
});

test("a worker whose root was killed still has its weights", async () => {
  await withWorker(["--no-cache"], async (address, worker) => {
    const endless = new Program([
      ...run,
      "--steps",
      "500",
      "--format",
      "report",
      "--workers",
      address,
    ]);
    await endless.printed("stdout", /🔶/);
    endless.kill("SIGKILL");
    await endless.ended;
    await worker.printed("stderr", /session has failed/);
    const next = await start(address);
    assert.match(next.line, /: nothing sent, [\d.]+ MiB still in its memory$/);
    assert.is(next.text, first.text);
  });
});

test("a worker with the same file is sent nothing, with another one everything", async () => {
  await withWorker(["--no-cache", "--model", model], async (address) => {
    const { line, wireBytes, text } = await start(address);
    assert.match(line, /: nothing sent, [\d.]+ MiB in its own model file$/);
    assert.ok(wireBytes < FEW_BYTES, String(wireBytes));
    assert.is(text, first.text);
  });
  await withWorker(["--no-cache", "--model", otherModel], async (address) => {
    const { line, text } = await start(address);
    assert.match(line, /: [\d.]+ MiB sent, [\d.]+ [KM]iB\/s$/);
    assert.is(text, first.text);
  });
  const { program } = { program: new Program(["worker", "--model", join(folder, "none.gguf")]) };
  const { code, stderr } = await program.ended;
  assert.is(code, 1);
  assert.match(stderr, /^error: .*none\.gguf/m);
});

test("--max-cache-size holds", async () => {
  const small = join(folder, "small");
  await withWorker(["--cache-dir", small, "--max-cache-size", "2mib"], async (address) => {
    await start(address);
    assert.ok((await settled(small)) <= 2 * 2 ** 20);
  });
});

test("a lowered --max-cache-size holds from the start, before any root comes", async () => {
  const lowered = join(folder, "lowered");
  await withWorker(["--cache-dir", lowered], async (address) => {
    await start(address);
    assert.ok((await settled(lowered)) > 2 ** 20);
  });
  await withWorker(["--cache-dir", lowered, "--max-cache-size", "1mib"], async () => {
    const end = performance.now() + PATIENCE_MS;
    // oxlint-disable-next-line no-await-in-loop -- until it has made room
    while (totalBytes(units(lowered)) > 2 ** 20 && performance.now() < end) await sleep(50);
    assert.ok(totalBytes(units(lowered)) <= 2 ** 20);
  });
});

test("a cache that cannot be written to costs a line on the worker's log, and no session", async () => {
  const file = join(folder, "a-file");
  writeFileSync(file, "");
  // The platform's folder, which nobody has named.
  const environment = { XDG_CACHE_HOME: file };
  const use = async (address: string, worker: Program) => {
    await worker.printed("stderr", /^warning: Weights are not kept for the next session: .+$/m);
    const { text } = await start(address);
    assert.is(text, first.text);
  };
  await withWorker([], use, { environment });
});

test("a named cache that cannot be written to is an error before anybody connects", async () => {
  const file = join(folder, "another-file");
  writeFileSync(file, "");
  const { code, stderr } = await dllama(["worker", "--port", "0", "--cache-dir", file]);
  assert.is(code, 1);
  assert.match(stderr, /^error: cannot keep weights there: .*another-file/m);
  assert.match(stderr, /--no-cache/);
});

/** Whether this machine lets a process have mounts of its own. */
const mayMount = spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", folder]).status === 0;

test("a full disk costs a line on the worker's log, and no session", async () => {
  if (!mayMount) {
    console.log("skipped: a full disk needs a mount, which this machine does not allow");
    return;
  }
  const full = join(folder, "full");
  mkdirSync(full);
  const mount = `mount -t tmpfs -o size=1m none ${full} && exec "$@"`;
  const worker = new Program(
    ["worker", "--port", "0", "--nthreads", "1", "--cache-dir", full, "--max-cache-size", "1gib"],
    { timeoutMs: 3 * PATIENCE_MS, within: ["unshare", "-m", "sh", "-c", mount, "sh"] },
  );
  const [, address = ""] = await worker.printed("stdout", /^Listening on (\S+)$/m);
  const { text } = await start(address);
  assert.is(text, first.text);
  await worker.printed("stderr", /^warning: Weights are not kept .*(space|ENOSPC)/im);
  assert.is((await start(address)).text, first.text);
  worker.kill("SIGTERM");
  await worker.ended;
});

test.run();
