/**
 * How a run ends before its time: Ctrl-C, SIGTERM, the end of its terminal, a reader that has seen enough.
 * Supervisors give a program two seconds; the bounds here are those with room for a busy machine.
 */

import { execFileSync, spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  truncateSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { folder, jsonLines, main, Program, startWorker } from "./harness.ts";
import { makeSlowModel } from "./slow-model.ts";

const model = await makeSlowModel(folder);
const endless = ["inference", "--model", model, "--prompt", "x", "--ignore-eos"];

test("Ctrl-C ends with the summary and 130", async () => {
  const program = new Program([...endless, "--format", "json"]);
  await program.printed("stdout", /"type":"token"/);
  program.kill("SIGINT");
  const { code, stdout } = await program.ended;
  assert.is(code, 130);
  const objects = jsonLines(stdout);
  assert.is(objects.at(-1)?.["stopReason"], "aborted");
  assert.is(objects.at(-1)?.["generatedTokens"], objects.length - 3);
});

test("SIGTERM ends the same way, with 143", async () => {
  const program = new Program([...endless, "--format", "report"]);
  await program.printed("stdout", /🔶/);
  program.kill("SIGTERM");
  const { code, stdout } = await program.ended;
  assert.is(code, 143);
  assert.match(stdout, /^Stopped by: +aborted$/m);
});

test("a chunk of the prompt that takes long is explained, and a second Ctrl-C cuts it short", async () => {
  process.env["DLLAMA_ISA"] = "scalar";
  const prompt = "x ".repeat(1000);
  const program = new Program(["inference", "--model", model, "-p", prompt, "--nthreads", "1"]);
  delete process.env["DLLAMA_ISA"];
  await program.printed("stderr", /seed \d+/);
  program.kill("SIGINT");
  await program.printed("stderr", /Ctrl-C again ends at once/);
  program.kill("SIGINT");
  const { code } = await program.ended;
  assert.is(code, 130);
});

test("Ctrl-C while the prompt is awaited ends at once", async () => {
  const program = new Program(["inference", "--steps", "1"], { stdin: null });
  await program.printed("stderr", /^Reading the prompt from stdin/m);
  program.kill("SIGINT");
  const { code, stdout } = await program.ended;
  assert.is(code, 130);
  assert.is(stdout, "");
});

test("a reader that has seen enough ends the run quietly", async () => {
  const program = new Program([...endless, "--format", "text", "--quiet"]);
  await program.printed("stdout", /./);
  program.closeStdout();
  const { code, stderr } = await program.ended;
  assert.is(code, 0);
  assert.is(stderr, "");
});

const TWO_SECONDS_MS = 2000;
/** For a machine that has other things to do. */
const ROOM_MS = 1500;

/** Stops a program and returns how it ended; it has to end within two seconds. */
async function stopped(program: Program, signal: NodeJS.Signals) {
  const start = performance.now();
  program.kill(signal);
  const outcome = await program.ended;
  const ms = performance.now() - start;
  assert.ok(ms < TWO_SECONDS_MS + ROOM_MS, `${signal} took ${ms} ms`);
  return outcome;
}

test("a forward that takes long is given up for, with the summary of what there is", async () => {
  const prompt = "x ".repeat(1000);
  const args = ["inference", "--model", model, "-p", prompt, "--nthreads", "1"];
  const program = new Program(args, { environment: { DLLAMA_ISA: "scalar" } });
  await program.printed("stderr", /seed \d+/);
  const { code, stdout } = await stopped(program, "SIGTERM");
  assert.is(code, 143);
  assert.match(stdout, /^Stopped by: +aborted$/m);
});

test("a worker ends with 0, whichever way it is stopped", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, so that the bound holds
    const { program } = await startWorker();
    // oxlint-disable-next-line no-await-in-loop -- see above
    const { code } = await stopped(program, signal);
    assert.is(code, 0, signal);
  }
});

test("a worker in the middle of a session ends with 0", async () => {
  const { program, address } = await startWorker();
  const root = new Program([...endless, "--workers", address, "--on-lost", "fail"]);
  await root.printed("stdout", /🔶/);
  const { code } = await stopped(program, "SIGTERM");
  assert.is(code, 0);
  assert.is((await root.ended).code, 1);
});

/** Until then SIGTERM ends any program. SIGHUP's handler is the last, and Node itself has none for it. */
async function handlesSignals(pid: number): Promise<void> {
  if (process.platform !== "linux") return sleep(2000);
  const handled = /^SigCgt:.*[13579bdf]$/m;
  // oxlint-disable-next-line no-await-in-loop -- until it does
  while (!handled.test(readFileSync(`/proc/${pid}/status`, "utf8"))) await sleep(20);
}

/** Opening a pipe that nobody writes to never ends, as on a mount whose server is gone. */
const pipe = join(folder, "pipe");
execFileSync("mkfifo", [pipe]);

for (const [what, args, code] of [
  ["a worker", ["worker", "--port", "0", "--token-file", pipe], 0],
  ["a worker's own model", ["worker", "--port", "0", "--model", pipe], 0],
  ["a run", ["inference", "--file", pipe], 143],
] as const) {
  test(`${what} that waits for a file which does not answer is ended by SIGTERM`, async () => {
    const program = new Program(args);
    await handlesSignals(program.pid);
    const outcome = await stopped(program, "SIGTERM");
    assert.is(outcome.code, code, outcome.stderr);
  });
}

test("a conversion that is stopped leaves no file behind", async () => {
  const checkpoint = join(folder, "slow");
  const before = readdirSync(folder);
  const program = new Program(["convert", checkpoint, "q40", "-o", join(folder, "stopped.gguf")]);
  await program.printed("stderr", /^Converting/m);
  await stopped(program, "SIGTERM");
  assert.equal(readdirSync(folder), before);
});

test("without a terminal SIGHUP means nothing, as after nohup", async () => {
  const { program, address } = await startWorker();
  program.kill("SIGHUP");
  const root = new Program(["inference", "-p", "x", "-n", "2", "--workers", address]);
  const { code, stderr } = await root.ended;
  assert.is(code, 0, stderr);
  assert.is((await stopped(program, "SIGTERM")).code, 0);
});

/** util-linux's: gives a command a terminal, which is gone when `script` is. */
const SCRIPT = "/usr/bin/script";

/** The first match in a file that somebody else writes. */
async function written(path: string, pattern: RegExp): Promise<string> {
  for (;;) {
    const [, found] = (existsSync(path) && pattern.exec(readFileSync(path, "utf8"))) || [];
    if (found !== undefined) return found;
    // oxlint-disable-next-line no-await-in-loop -- until it is there
    await sleep(50);
  }
}

/** An ended process whose parent has not asked for it yet counts as ended. */
function lives(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

test("a model that is cut short while it runs is named, with 1", async () => {
  const cut = join(folder, "cut.gguf");
  copyFileSync(model, cut);
  const program = new Program(["inference", "-m", cut, "-p", "x", "--ignore-eos"]);
  await program.printed("stdout", /🔶/);
  truncateSync(cut, 4096);
  const { code, stderr } = await program.ended;
  assert.is(code, 1);
  assert.match(stderr, `error: ${realpathSync(cut)}: it was cut short while it was in use`);
  assert.match(stderr, /^hint: /m);
});

if (process.platform === "linux" && existsSync(SCRIPT)) {
  for (const [what, line, livesOn] of [
    ["ends a worker", "exec WORKER | tee LOG", false],
    ["does not end one that nohup has started", "nohup WORKER > LOG 2>&1 & sleep 60", true],
    ["does not end one whose script ignores it", "trap '' HUP; WORKER | tee LOG & sleep 60", true],
  ] as const) {
    test(`the end of the terminal ${what}`, async () => {
      const [log, pidFile] = [join(folder, `${what}.log`), join(folder, `${what}.pid`)];
      const worker = `sh -c 'echo $$ > "${pidFile}"; exec "${process.execPath}" "${main}" worker --host 127.0.0.1 --port 0'`;
      const command = line.replace("WORKER", () => worker).replace("LOG", () => `"${log}"`);
      const terminal = spawn(SCRIPT, ["-qec", command, "/dev/null"], { stdio: "ignore" });
      const pid = Number(await written(pidFile, /^(\d+)\n/));
      try {
        const address = await written(log, /^Listening on (\S+)\r?\n/m);
        terminal.kill("SIGKILL");
        if (livesOn) {
          await sleep(1000);
          const root = new Program(["inference", "-p", "x", "-n", "2", "--workers", address]);
          assert.is((await root.ended).code, 0);
          assert.ok(lives(pid));
        } else {
          const end = performance.now() + TWO_SECONDS_MS + ROOM_MS;
          // oxlint-disable-next-line no-await-in-loop -- until it has ended
          while (lives(pid) && performance.now() < end) await sleep(50);
          assert.not.ok(lives(pid));
        }
      } finally {
        if (lives(pid)) process.kill(pid, "SIGTERM");
      }
    });
  }
} else {
  console.log("SKIPPED the end of a terminal: there is no `script` of util-linux");
}

test.run();
