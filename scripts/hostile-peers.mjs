/**
 * Malformed inputs on a worker's port: `node scripts/hostile-peers.mjs [N]`, 100000 by default, half of them
 * before a handshake is through and half behind one. `HOSTILE_SEED` chooses them.
 *
 * It fails if the worker ends, if a connection is not closed by the worker, if memory, threads or
 * descriptors are not back where they were, or if a root is not served as before afterwards.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { bringUpToDate } from "./lib/build.mjs";
import { seededRandom } from "./lib/fuzz/random.mjs";
import { sessionInput, strangerInput } from "./lib/hostile/inputs.mjs";
import { processState } from "./lib/hostile/process-state.mjs";
import { recordSession, splitFrames } from "./lib/hostile/recording.mjs";
import { root } from "./lib/workspace.mjs";

const MAIN = join(root, "packages/cli/dist/main.js");
/** Strangers at the same time; a session is alone, or it would be told that the worker is busy. */
const N_SIDE_BY_SIDE = 16;
/** A worker gives a stranger 5 s, and closes at once who says nonsense or goes. */
const MAX_CLOSE_MS = 20_000;
/** What heaps keep of what they once held: pages of freed blocks. */
const MAX_GROWTH_BYTES = 24e6;
/** Inputs before memory is first looked at: they fill caches, and heaps grow to their size. */
const WARM_UP = 400;

/** What a worker says before its first frame: the answer to the hello, the verdict, the report. */
const HANDSHAKE_BYTES = 16 + 3 + 3;

const nInputs = Number(process.argv[2] ?? 100_000);
const seed = Number(process.env.HOSTILE_SEED ?? Math.floor(Math.random() * 2 ** 31));
if (process.platform !== "linux") {
  console.log(
    "hostile-peers: skipped: memory and descriptors are read from /proc, which is Linux's",
  );
  process.exit(75);
}
const problem = await bringUpToDate({ say: console.error, output: "stderr" });
if (problem !== undefined) {
  console.error(problem);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "dllama-hostile-"));
const flags = ["--port", "0", "--nthreads", "1", "--insecure", "--no-cache", "--quiet"];
const worker = spawn(process.execPath, [MAIN, "worker", ...flags], {
  stdio: ["ignore", "pipe", "pipe"],
});
let log = "";
worker.stderr.setEncoding("utf8").on("data", (text) => (log = (log + text).slice(-4000)));
process.once("exit", () => {
  worker.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});
process.once("SIGINT", () => process.exit(130));
let isOver = false;
worker.once("exit", (code, signal) => {
  if (!isOver) fail(`the worker ended with ${code ?? signal}`);
});

const [line] = await once(worker.stdout, "data");
const address = String(line).trim().split(" ").at(-1);
const [host, port] = address.split(/:(?=\d+$)/);
const recordings = [];
for (const way of ["direct", "scattered"]) {
  const recording = await recordSession(address, folder, way);
  recordings.push({ ...recording, start: splitFrames(recording.toWorker).start });
}

const random = seededRandom(seed);
const sum = { before: 0, behind: 0, answered: 0 };
await attack(WARM_UP);
const first = await restingState();
for (let tenth = 0; tenth < 10; tenth += 1) {
  await attack(Math.ceil(nInputs / 10));
  await recordSession(address, folder, "direct");
}
const last = await restingState();
isOver = true;
worker.kill("SIGTERM");

const growth = last.rssBytes - first.rssBytes;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
console.log(
  `${sum.before} inputs before a handshake, ${sum.behind} behind one (${sum.answered} of them into a ` +
    `session), 0 crashes, ${sum.before + sum.behind} connections closed by the worker; memory ` +
    `${megabytes(first.rssBytes)} then ${megabytes(last.rssBytes)}, threads ${first.nThreads} and ` +
    `${last.nThreads}, descriptors ${first.nDescriptors} and ${last.nDescriptors}; a root was served ` +
    `10 times in between; seed ${seed}`,
);
if (growth > MAX_GROWTH_BYTES) fail(`memory grew by ${megabytes(growth)}`);
if (last.nThreads > first.nThreads) fail("threads are left");
if (last.nDescriptors > first.nDescriptors) fail("descriptors are left");
// Otherwise the second half would have tested the first one's code.
if (sum.answered < sum.behind / 2) fail("too few inputs came into a session");

/** Half of `n` by strangers side by side, half as sessions one after another, at the same time. */
async function attack(n) {
  const half = Math.ceil(n / 2);
  let nLeft = half;
  const strangers = Array.from({ length: N_SIDE_BY_SIDE }, async () => {
    while (nLeft > 0) {
      nLeft -= 1;
      await send(strangerInput(recordings[random(recordings.length)], random));
      sum.before += 1;
    }
  });
  await Promise.all(strangers);
  for (let done = 0; done < half; done += 1) {
    const recording = recordings[random(recordings.length)];
    const answer = await send(sessionInput(recording, recording.start, random));
    sum.behind += 1;
    if (answer.length > HANDSHAKE_BYTES) sum.answered += 1;
  }
}

/** Sends an input, says that nothing follows, and waits until the worker has closed, too. */
async function send(input) {
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
async function restingState() {
  await pause(1500);
  return processState(worker.pid);
}

function fail(what) {
  isOver = true;
  console.error(`FAILED with seed ${seed}: ${what}\n${log}`);
  process.exit(1);
}
