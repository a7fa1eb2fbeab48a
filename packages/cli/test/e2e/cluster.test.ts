/** `dllama worker` and `dllama inference --workers`, as processes on loopback. */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { createServer } from "node:net";
import { dllama, folder, jsonLines, Program, startWorker } from "./harness.ts";
import { makeSlowModel } from "./slow-model.ts";

const slowModel = await makeSlowModel(folder);

/** Bits of one rank and of several may differ with q80 buffers; with f32 the text is the same. */
const flags = "--steps 32 --temperature 0 --buffer-float-type f32 --kv-cache-type f32 --nthreads 1";
const story = ["inference", "--prompt", "Once upon a time", ...flags.split(" ")];
const endless = ["inference", "--model", slowModel, "-p", "x", "--ignore-eos", "--nthreads", "1"];

const { program: worker, address } = await startWorker();
const [, port = ""] = /:(\d+)$/.exec(address) ?? [];

test("a worker says where it listens and who can reach it", async () => {
  await worker.printed("stderr", /Only this device can reach the worker.*--insecure/);
});

test("two ranks write the story of one, again and again", async () => {
  const alone = await dllama([...story, "--format", "text"]);
  assert.is(alone.code, 0);
  for (const workers of [[address], [`localhost:${port}`]]) {
    const shared = await dllama([...story, "--format", "text", "--workers", ...workers]);
    assert.is(shared.code, 0, shared.stderr);
    assert.is(shared.stdout, alone.stdout);
  }
});

test("the report counts ranks and bytes", async () => {
  const { stdout } = await dllama([...story, "--format", "json", "--workers", address]);
  const [start, , , ...rest] = jsonLines(stdout);
  assert.is(start?.["worldSize"], 2);
  const token = rest[0] ?? {};
  assert.is(token["type"], "token");
  assert.ok(Number(token["sentBytes"]) > 0 && Number(token["receivedBytes"]) > 0);
});

test("the summary tells what each rank did", async () => {
  const json = await dllama([...story, "--format", "json", "--workers", address]);
  const summary = jsonLines(json.stdout).at(-1);
  const ranks: Record<string, unknown>[] = Array.isArray(summary?.["ranks"])
    ? summary["ranks"]
    : [];
  assert.equal(
    ranks.map((rank) => [rank["rank"], rank["nForwards"]]),
    [
      [0, 31],
      [1, 31],
    ],
  );
  for (const rank of ranks) assert.ok(Number(rank["computeMs"]) > 0, JSON.stringify(rank));
  assert.is(ranks[1]?.["address"], address);
  const report = await dllama([...story, "--workers", address]);
  assert.match(report.stdout, /^ +0 {2}this device .* ms .* %$/m);
  assert.match(report.stdout, new RegExp(`^ +1  ${address} .* ms .* %$`, "m"));
});

test("a second root is told that the worker is busy; Ctrl-C frees it for the next", async () => {
  const first = new Program([...endless, "--workers", address]);
  await first.printed("stdout", /🔶/);
  const second = await dllama([...story, "--workers", address]);
  assert.is(second.code, 1);
  assert.match(second.stderr, /^error: .*busy/m);

  first.kill("SIGINT");
  const { code, stdout } = await first.ended;
  assert.is(code, 130);
  assert.match(stdout, /^Stopped by: +aborted$/m);
  const next = await dllama([...story, "--workers", address]);
  assert.is(next.code, 0, next.stderr);
});

test("one worker under two names is refused", async () => {
  const { code, stderr } = await dllama([...story, "--workers", address, `localhost:${port}`]);
  assert.is(code, 2);
  assert.match(stderr, /^error: /m);
});

test("a worker that is not there is named", async () => {
  // A port that was free a moment ago.
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const free = server.address();
  await new Promise((resolve) => server.close(resolve));
  const nobody = `127.0.0.1:${typeof free === "object" ? free?.port : ""}`;

  const { code, stdout, stderr } = await dllama([...story, "--workers", nobody]);
  assert.is(code, 1);
  assert.is(stdout, "");
  assert.ok(stderr.includes(nobody), stderr);
});

test("a port in use is named", async () => {
  const { code, stdout, stderr } = await dllama(["worker", "--port", port]);
  assert.is(code, 1);
  assert.is(stdout, "");
  assert.match(stderr, new RegExp(`^error: .*${port}`, "m"));
});

test("more ranks than attention units are refused with the number that works", async () => {
  const others = await Promise.all(Array.from({ length: 8 }, () => startWorker()));
  const addresses = [address, ...others.map((other) => other.address)];
  const { code, stderr } = await dllama([...story, "--workers", ...addresses]);
  for (const other of others) other.program.kill("SIGTERM");
  assert.is(code, 1);
  assert.match(stderr, /^error: .*10/m);
  assert.match(stderr, /\b8\b/);
});

test("a worker that dies ends the run with its rank and address", async () => {
  const doomed = await startWorker();
  const root = new Program([...endless, "--on-lost", "fail", "--workers", doomed.address]);
  await root.printed("stdout", /🔶/);
  doomed.program.kill("SIGKILL");
  const { code, stderr } = await root.ended;
  assert.is(code, 1);
  assert.match(stderr, new RegExp(`^error: .*\\b1\\b.*${doomed.address}`, "m"));
});

test("a root that dies leaves the worker to the next", async () => {
  const root = new Program([...endless, "--workers", address]);
  await root.printed("stdout", /🔶/);
  root.kill("SIGKILL");
  await root.ended;
  const next = await dllama([...story, "--workers", address]);
  assert.is(next.code, 0, next.stderr);
});

test("Ctrl-C ends a worker cleanly", async () => {
  worker.kill("SIGINT");
  const { code, stdout } = await worker.ended;
  assert.is(code, 130);
  assert.is(stdout, `Listening on ${address}\n`);
});

test.run();
