/** `dllama worker` and `dllama inference --workers`, as processes on loopback. */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { dllama, folder, jsonLines, Program, startWorker } from "./harness.ts";
import { makeSlowModel } from "./slow-model.ts";

const slowModel = await makeSlowModel(folder);

/** Bits of one rank and of several may differ with q80 buffers; with f32 the text is the same. */
const flags = "--steps 32 --temperature 0 --buffer-float-type f32 --kv-cache-type f32 --nthreads 1";
const story = ["inference", "--prompt", "Once upon a time", ...flags.split(" ")];
const endless = ["inference", "--model", slowModel, "-p", "x", "--ignore-eos", "--nthreads", "1"];

const { program: worker, address } = await startWorker();
const [, port = ""] = /:(\d+)$/.exec(address) ?? [];

test("a worker says where it listens, who can reach it and who is served", async () => {
  await worker.printed("stderr", /Only this device can reach the worker\./);
  await worker.printed("stderr", /Serving roots that have the token in .*token\./);
});

/** A configuration folder in which nothing is stored yet. */
const fresh = (name: string) => ({ XDG_CONFIG_HOME: join(folder, name) });

test("a first worker makes a token and prints the line for the root, which then works", async () => {
  const environment = fresh("first");
  const first = await startWorker({ environment });
  const [line, token = ""] = await first.program.printed(
    "stdout",
    /^ {2}DLLAMA_TOKEN=(\S+) dllama inference .*--workers \S+$/m,
  );
  assert.ok(line.includes(first.address), line);
  const stored = readFileSync(join(folder, "first/dllama/token"), "utf8");
  assert.is(stored, `${token}\n`);
  const args = [...story, "--workers", first.address];
  // As the line says it, by a file, and by the same user's folder.
  const file = join(folder, "token-file");
  writeFileSync(file, token);
  const ways = [
    { environment: { ...fresh("none"), DLLAMA_TOKEN: token } },
    { environment: fresh("none"), args: ["--token-file", file] },
    { environment },
  ];
  for (const { args: more = [], ...options } of ways) {
    // oxlint-disable-next-line no-await-in-loop -- a worker serves one root at a time
    const { code, stderr } = await dllama([...args, ...more], options);
    assert.is(code, 0, stderr);
  }

  const without = await dllama(args, { environment: fresh("none") });
  assert.is(without.code, 1);
  assert.match(without.stderr, /^error: there is no token/m);
  const wrong = { ...fresh("none"), DLLAMA_TOKEN: "some other token of these" };
  const refused = await dllama(args, { environment: wrong });
  assert.is(refused.code, 1);
  assert.match(
    refused.stderr,
    new RegExp(`^error: the worker at ${first.address} has another token`, "m"),
  );
  const { index } = await first.program.printed("stderr", /127\.0\.0\.1:\d+: refused: wrong token/);
  assert.ok(index >= 0);
  first.program.kill("SIGTERM");
  const { stderr } = await first.program.ended;
  // Once on stdout, and nowhere in the log.
  assert.not.match(stderr, token);
  assert.not.match(refused.stderr, /some other token/);
});

test("--insecure is needed on both sides, and said loudly", async () => {
  const insecure = await startWorker({ args: ["--insecure"] });
  await insecure.program.printed("stderr", /^warning: --insecure: NO TOKEN, NO ENCRYPTION/m);
  const args = [...story, "--workers"];
  const [one, other] = await Promise.all([
    dllama([...args, insecure.address]),
    dllama([...args, address, "--insecure"]),
  ]);
  assert.is(one.code, 1);
  assert.match(one.stderr, /^error: the worker at \S+ was started with --insecure, and this side/m);
  assert.is(other.code, 1);
  assert.match(other.stderr, /^error: the worker at \S+ wants a token, and this side/m);
  const both = await dllama([...args, insecure.address, "--insecure"]);
  assert.is(both.code, 0, both.stderr);
  assert.match(both.stderr, /^warning: --insecure: NO TOKEN/m);
  await insecure.program.printed("stderr", /has begun a session.* INSECURE: it may be anybody/);
  insecure.program.kill("SIGTERM");
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
  assert.match(
    second.stderr,
    /^error: the worker at \S+ is busy with 127\.0\.0\.1:\d+ since \d{4}-\d\d-\d\dT[\d:]+Z$/m,
  );

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
  assert.is(code, 0);
  assert.is(stdout, `Listening on ${address}\n`);
});

test.run();
