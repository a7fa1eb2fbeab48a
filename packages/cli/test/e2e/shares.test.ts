/** Unequal parts from the command line: `--split`, `--max-memory`, and what is told of them. */

import { join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { dllama, folder, jsonLines, Program, startWorker } from "./harness.ts";

const cache = { XDG_CACHE_HOME: join(folder, "cache") };
const story = ["inference", "--prompt", "Once upon a time", "--steps", "20", "--temperature", "0"];
const exact = ["--buffer-float-type", "f32", "--kv-cache-type", "f32"];

let workers: Awaited<ReturnType<typeof startWorker>>[] = [];

test.before(async () => {
  workers = await Promise.all([startWorker(), startWorker()]);
});

test.after(async () => {
  for (const { program } of workers) program.kill("SIGTERM");
  await Promise.all(workers.map(({ program }) => program.ended));
});

const addresses = (): string[] => workers.map(({ address }) => address);

test("--split 2,1,1 gives the text of one device, and tells the split", async () => {
  const alone = await dllama([...story, ...exact, "--format", "text"]);
  const shared = await dllama(
    [
      ...story,
      ...exact,
      "--format",
      "text",
      "--workers",
      ...addresses(),
      "--split",
      "2,1,1",
      "--verbose",
    ],
    { environment: cache },
  );
  assert.is(shared.code, 0, shared.stderr);
  assert.is(shared.stdout, alone.stdout);
  assert.match(
    shared.stderr,
    /^plan [0-9a-f]{8} \(measured\): all-reduce .*; split 2,1,1 \(pinned\)/m,
  );
  assert.match(
    shared.stderr,
    /^debug: rank 0 \(this device\), .*: takes .* of .* that are free \(weights .*\), and maps /m,
  );
  assert.match(
    shared.stderr,
    /^debug: rank 1 \(127\.0\.0\.1:\d+\), 1 threads on \d+ cores: takes /m,
  );
});

test("auto shows the split that it measured, and the next start keeps to it", async () => {
  const run = async (...flags: string[]): Promise<Record<string, unknown>> => {
    const args = [...story, ...flags, "--format", "json", "--workers", ...addresses()];
    const { code, stdout, stderr } = await dllama(args, {
      environment: { XDG_CACHE_HOME: join(folder, "auto") },
    });
    assert.is(code, 0, stderr);
    const [start = {}] = jsonLines(stdout);
    return start["plan"] as Record<string, unknown>;
  };
  const first = await run();
  assert.is(first["splitOrigin"], "measured");
  const second = await run();
  assert.equal(
    [second["splitOrigin"], second["split"], second["id"]],
    ["kept", first["split"], first["id"]],
  );
  const anew = await run("--split", "measure");
  assert.is(anew["splitOrigin"], "measured");
  const last = await run();
  assert.equal([last["splitOrigin"], last["split"]], ["kept", anew["split"]]);
});

test("a split that is not one weight a device is refused at once", async () => {
  const { code, stderr } = await dllama([...story, "--workers", ...addresses(), "--split", "2,1"]);
  assert.is(code, 2);
  assert.match(
    stderr,
    /^error: --split expects 3 weights, .*, got 2: 2,1\nhint: For equal parts: --split 1,1,1\.\n$/,
  );
});

test("a worker lends what --max-memory says, and both sides tell what does not fit", async () => {
  const limited = new Program([
    "worker",
    "--host",
    "127.0.0.1",
    "--port",
    "0",
    "--nthreads",
    "1",
    "--max-memory",
    "100kib",
  ]);
  const [, address = ""] = await limited.printed("stdout", /^Listening on (\S+)$/m);
  const args = [...story, "--workers", address];
  const pinned = await dllama([...args, "--split", "1,1"], { environment: cache });
  assert.is(pinned.code, 1);
  assert.match(
    pinned.stderr,
    /^error: the model does not fit: rank 1 \(127\.0\.0\.1:\d+\) needs .* and has 0\.1 MiB: .* too little$/m,
  );
  assert.match(pinned.stderr, /^hint: It would fit with /m);
  const wrong = await dllama(["worker", "--max-memory", "2 apples"]);
  assert.is(wrong.code, 2);
  assert.match(wrong.stderr, /--max-memory expects a size such as 2gib/);
  limited.kill("SIGTERM");
  await limited.ended;
});

test.run();
