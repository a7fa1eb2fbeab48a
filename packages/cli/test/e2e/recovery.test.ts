/** A worker that is gone in the middle of a text: the text goes on, on the ranks that `--on-lost` says. */

import { test } from "uvu";
import * as assert from "uvu/assert";

import { dllama, jsonLines, Program, startWorker } from "./harness.ts";

/** Longer than any recovery on a busy machine, shorter than the limit of a program. */
const WITHIN_SECONDS = "45";
const STEPS = 300;

const story = ["--prompt", "Once upon a time", "--seed", "5", "--nthreads", "1", "--ignore-eos"];
const inference = ["inference", ...story, "--steps", String(STEPS), "--format", "json"];

type Worker = Awaited<ReturnType<typeof startWorker>>;
type Line = Record<string, unknown>;

/** Each test has workers of its own: it may have ended some of them. */
async function withWorkers(n: number, use: (workers: Worker[]) => Promise<void>): Promise<void> {
  const workers = await Promise.all(Array.from({ length: n }, () => startWorker()));
  try {
    await use(workers);
  } finally {
    for (const { program } of workers) program.kill("SIGKILL");
    await Promise.all(workers.map(({ program }) => program.ended));
  }
}

function args(workers: Worker[], ...options: string[]): string[] {
  const timeout = ["--on-lost-timeout", WITHIN_SECONDS];
  return [...inference, ...timeout, ...options, "--workers", ...workers.map((one) => one.address)];
}

/** What a run printed, once it has ended well. */
function requireLines({ code, stdout, stderr }: Awaited<ReturnType<typeof dllama>>): Line[] {
  assert.is(code, 0, stderr);
  return jsonLines(stdout);
}

const ids = (lines: Line[]): unknown[] =>
  lines.filter(({ type }) => type === "token").map(({ id }) => id);
const events = (lines: Line[]): unknown[] =>
  lines.map(({ type }) => type).filter((type) => type === "lost" || type === "recovered");

/** On the port of a worker that has ended. */
async function restart(workers: Worker[], index: number): Promise<void> {
  const { address = "" } = workers[index] ?? {};
  workers[index] = await startWorker({ port: Number(address.split(":").at(-1)) });
}

async function end(worker: Worker | undefined, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  worker?.program.kill(signal);
  await worker?.program.ended;
}

/** Lets a run get into its text. */
async function started(run: Program): Promise<void> {
  await run.printed("stdout", /(?:.*"token".*\n){20}/);
}

for (const [options, nWorkers] of [
  [["--temperature", "0"], 1],
  [["--buffer-float-type", "f32", "--kv-cache-type", "f32"], 1],
  [["--buffer-float-type", "q80", "--kv-cache-type", "f16"], 2],
  [["--all-reduce", "scattered", "--temperature", "1.2"], 3],
] as const) {
  test(`a killed worker that starts again: the same text, ${nWorkers + 1} ranks ${options.join(" ")}`, async () => {
    await withWorkers(nWorkers, async (workers) => {
      const undisturbed = requireLines(await dllama(args(workers, ...options)));
      assert.is(ids(undisturbed).length, STEPS);
      const run = new Program(args(workers, ...options));
      await started(run);
      await end(workers.at(-1), "SIGKILL");
      await restart(workers, nWorkers - 1);
      const lines = requireLines(await run.ended);
      assert.equal(ids(lines), ids(undisturbed));
      assert.equal(events(lines), ["lost", "recovered"]);
    });
  });
}

test("a worker that stops for longer than the deadline: the same text", async () => {
  await withWorkers(2, async (workers) => {
    const undisturbed = requireLines(await dllama(args(workers)));
    const run = new Program(args(workers));
    await started(run);
    workers[0]?.program.kill("SIGSTOP");
    await run.printed("stdout", /"type":"lost","rank":1/);
    workers[0]?.program.kill("SIGCONT");
    const lines = requireLines(await run.ended);
    assert.equal(ids(lines), ids(undisturbed));
    assert.equal(events(lines), ["lost", "recovered"]);
  });
});

test("two workers gone at once, one by its supervisor: the same text", async () => {
  await withWorkers(3, async (workers) => {
    const undisturbed = requireLines(await dllama(args(workers)));
    const run = new Program(args(workers));
    await started(run);
    await Promise.all([end(workers[0], "SIGTERM"), end(workers[2], "SIGKILL")]);
    await Promise.all([restart(workers, 0), restart(workers, 2)]);
    const lines = requireLines(await run.ended);
    assert.equal(ids(lines), ids(undisturbed));
    assert.is(events(lines).at(-1), "recovered");
  });
});

for (const left of [1, 0]) {
  test(`replan goes on without the worker, over ${left + 1} rank(s)`, async () => {
    await withWorkers(left + 1, async (workers) => {
      const run = new Program(args(workers, "--on-lost", "replan"));
      await started(run);
      await end(workers.at(-1), "SIGKILL");
      const lines = requireLines(await run.ended);
      assert.is(ids(lines).length, STEPS);
      assert.equal(events(lines), ["lost", "recovered"]);
      assert.is(lines.find(({ type }) => type === "recovered")?.["worldSize"], left + 1);
    });
  });
}

for (const options of [
  ["--on-lost", "fail"],
  ["--on-lost", "wait", "--on-lost-timeout", "0"],
]) {
  test(`${options.join(" ")} ends with the error`, async () => {
    await withWorkers(2, async (workers) => {
      const run = new Program(args(workers, ...options));
      await started(run);
      await end(workers[1], "SIGKILL");
      const { code, stdout, stderr } = await run.ended;
      assert.is(code, 1, stderr);
      assert.match(stderr, new RegExp(`^error: lost rank 2 \\(${workers[1]?.address}\\)`, "m"));
      assert.equal(events(jsonLines(stdout)), ["lost"]);
    });
  });
}

test("Ctrl-C while a worker is awaited ends with the summary", async () => {
  await withWorkers(1, async (workers) => {
    const run = new Program(args(workers));
    await started(run);
    await end(workers[0], "SIGKILL");
    await run.printed("stdout", /"type":"lost"/);
    run.kill("SIGINT");
    const { code, stdout, stderr } = await run.ended;
    assert.is(code, 130, stderr);
    assert.is(jsonLines(stdout).at(-1)?.["stopReason"], "aborted");
  });
});

test.run();
