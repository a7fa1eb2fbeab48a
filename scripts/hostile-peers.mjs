/**
 * Malformed inputs on a worker's port: `node scripts/hostile-peers.mjs [N] [insecure|token]`, 100000 by default:
 * half of them on a worker with `--insecure`, where mutated traffic is read, half on one with a token (or only
 * the half that is named); of each, half before a handshake is through and half behind one. `HOSTILE_SEED`
 * chooses them.
 *
 * It fails if a worker ends, if a connection is not closed by the worker, if memory, threads or
 * descriptors are not back where they were, or if a root is not served as before in between.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { bringUpToDate } from "./lib/build.mjs";
import { run } from "./lib/children.mjs";
import { seededRandom } from "./lib/fuzz/random.mjs";
import { sessionInput, strangerInput } from "./lib/hostile/inputs.mjs";
import { processState } from "./lib/hostile/process-state.mjs";
import { recordSession, splitFrames } from "./lib/hostile/recording.mjs";
import { root } from "./lib/workspace.mjs";

const MAIN = join(root, "packages/cli/dist/main.js");
/** A peer with the token, which says what none says. */
const HOSTILE_ROOT = join(root, "target/release/examples/hostile_root");
const SESSIONS = join(root, "fuzz/corpus/session");
const TOKEN = "hostile-peers-have-a-token";
/** Strangers at the same time; a session is alone, or it would be told that the worker is busy. */
const N_SIDE_BY_SIDE = 16;
/** A worker gives a stranger 5 s, and closes at once who says nonsense or goes. */
const MAX_CLOSE_MS = 20_000;
const HOSTILE_ROOT_MS = 1_200_000;
/** What heaps keep of what they once held: pages of freed blocks. */
const MAX_GROWTH_BYTES = 24e6;
/** Inputs before memory is first looked at: they fill caches, and heaps grow to their size. */
const WARM_UP = 400;
/** What a worker says before its first frame: the answer to the hello, the verdict, the report. */
const HANDSHAKE_BYTES = 16 + 3 + 3;

const nInputs = Number(process.argv[2] ?? 100_000);
const only = process.argv[3];
if (![undefined, "insecure", "token"].includes(only) || !(nInputs > 0)) {
  console.error("Usage: node scripts/hostile-peers.mjs [N] [insecure|token]");
  process.exit(2);
}
const seed = Number(process.env.HOSTILE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = seededRandom(seed);
if (process.platform !== "linux") {
  console.log(
    "hostile-peers: skipped: memory and descriptors are read from /proc, which is Linux's",
  );
  process.exit(75);
}
const problem = (await bringUpToDate({ say: console.error, output: "stderr" })) ?? (await build());
if (problem !== undefined) {
  console.error(problem);
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), "dllama-hostile-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
process.once("SIGINT", () => process.exit(130));

if (only !== "token") await attackWorker("--insecure", undefined);
if (only !== "insecure") await attackWorker("with a token", TOKEN);

async function build() {
  const crate = ["--package", "dllama-net", "--example", "hostile_root"];
  const command = ["cargo", "build", "--quiet", "--release", "--locked", ...crate];
  const ended = await run(command);
  return ended.problem && `${ended.output}\nThe hostile root's build ${ended.problem}.`;
}

async function attackWorker(what, token) {
  const worker = startWorker(token);
  const [line] = await once(worker.child.stdout, "data");
  const target = { token, address: String(line).trim().split(" ").at(-1), recordings: [] };
  for (const way of ["direct", "scattered"]) {
    const recording = await recordSession(target.address, folder, way, token);
    const start = token === undefined ? splitFrames(recording.toWorker).start : undefined;
    target.recordings.push({ ...recording, start });
  }
  const sum = { before: 0, behind: 0, answered: 0 };
  await attack(target, WARM_UP, sum);
  const first = await restingState(worker);
  const memory = [];
  for (let tenth = 0; tenth < 10; tenth += 1) {
    await attack(target, Math.ceil(nInputs / 20), sum);
    await recordSession(target.address, folder, "direct", token);
    const { rssBytes } = processState(worker.child.pid);
    memory.push(rssBytes);
    console.error(`${what}: ${sum.before + sum.behind} inputs, ${(rssBytes / 1e6).toFixed(1)} MB`);
  }
  const last = await restingState(worker);
  worker.stop();
  report(what, sum, first, last, memory);
}

function report(what, sum, first, last, memory) {
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  console.log(
    `${what}: ${sum.before} inputs before a handshake, ${sum.behind} behind one (${sum.answered} of ` +
      `them into a session), 0 crashes; memory ${megabytes(first.rssBytes)} MB, then ` +
      `${megabytes(last.rssBytes)} (in between ${memory.map(megabytes).join(", ")}), threads ` +
      `${first.nThreads} and ${last.nThreads}, descriptors ${first.nDescriptors} and ` +
      `${last.nDescriptors}; a root was served 10 times in between; seed ${seed}`,
  );
  const growth = last.rssBytes - first.rssBytes;
  if (growth > MAX_GROWTH_BYTES) fail(`memory grew by ${megabytes(growth)} MB`);
  if (last.nThreads > first.nThreads) fail("threads are left");
  if (last.nDescriptors > first.nDescriptors) fail("descriptors are left");
  // Otherwise the second half would have tested the first one's code.
  if (sum.answered < sum.behind / 2) fail("too few inputs came into a session");
}

function startWorker(token) {
  const trust = token === undefined ? ["--insecure"] : ["--host", "127.0.0.1"];
  const flags = ["--port", "0", "--nthreads", "1", "--no-cache", "--quiet", ...trust];
  const child = spawn(process.execPath, [MAIN, "worker", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...(token !== undefined && { DLLAMA_TOKEN: token }) },
  });
  let [log, isOver] = ["", false];
  child.stderr.setEncoding("utf8").on("data", (text) => (log = (log + text).slice(-4000)));
  const stop = () => {
    isOver = true;
    child.kill("SIGKILL");
  };
  process.once("exit", stop);
  child.once("exit", (code, signal) => {
    if (!isOver) fail(`the worker ended with ${code ?? signal}\n${log}`);
  });
  return { child, stop };
}

/** Half of `n` by strangers side by side, then half as sessions one after another. */
async function attack(target, n, sum) {
  const half = Math.ceil(n / 2);
  const { recordings } = target;
  let nLeft = half;
  const strangers = Array.from({ length: N_SIDE_BY_SIDE }, async () => {
    while (nLeft > 0) {
      nLeft -= 1;
      await send(target, strangerInput(recordings[random(recordings.length)], random));
      sum.before += 1;
    }
  });
  await Promise.all(strangers);
  if (target.token !== undefined) {
    await sendHostileRoot(target, half);
    sum.behind += half;
    // All of them are through the handshake, or the hostile root ends with an error.
    sum.answered += half;
    return;
  }
  for (let done = 0; done < half; done += 1) {
    const recording = recordings[random(recordings.length)];
    const answer = await send(target, sessionInput(recording, recording.start, random));
    sum.behind += 1;
    if (answer.length > HANDSHAKE_BYTES) sum.answered += 1;
  }
}

async function sendHostileRoot({ address, token }, n) {
  const paths = ["direct", "scattered"].map((name) => join(SESSIONS, name));
  const command = [HOSTILE_ROOT, address, String(n), String(1 + random(2 ** 31)), ...paths];
  const ended = await run(command, { env: { DLLAMA_TOKEN: token }, timeoutMs: HOSTILE_ROOT_MS });
  if (ended.problem !== undefined) fail(`the hostile root ${ended.problem}: ${ended.output}`);
}

/** Sends an input, says that nothing follows, and waits until the worker has closed, too. */
async function send({ address }, input) {
  const [host, port] = address.split(/:(?=\d+$)/);
  const socket = connect({ host, port: Number(port), noDelay: true });
  const received = [];
  socket.on("data", (chunk) => received.push(chunk));
  // A worker that closes while it is written to resets the connection.
  socket.on("error", () => {});
  socket.end(input);
  const timer = setTimeout(
    () => fail(`a connection is open after ${MAX_CLOSE_MS} ms: ${input.toString("base64")}`),
    MAX_CLOSE_MS,
  );
  await new Promise((resolve) => socket.once("close", resolve));
  clearTimeout(timer);
  return Buffer.concat(received);
}

/** Once nobody is connected any more. */
async function restingState({ child }) {
  await pause(1500);
  return processState(child.pid);
}

function fail(what) {
  console.error(`FAILED with seed ${seed}: ${what}`);
  process.exit(1);
}
