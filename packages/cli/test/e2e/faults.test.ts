/** Whatever comes to a worker's port or happens to a peer, the next root is served. */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { dllama, folder, Program, startWorker } from "./harness.ts";
import { makeSlowModel } from "./slow-model.ts";

type Worker = Awaited<ReturnType<typeof startWorker>>;

/** What a loss may take until every rank has noticed it. */
const NOTICED_MS = 10_000;

const inference = ["inference", "--prompt", "Once upon a time", "--temperature", "0", "--nthreads"];
const story = [...inference, "1", "--steps", "8", "--format", "text"];

let workers: Worker[] = [];
let alone = "";
let slow: string[] = [];

test.before(async () => {
  workers = await Promise.all([startWorker(), startWorker()]);
  alone = (await dllama([...story, "--buffer-float-type", "f32"])).stdout;
  slow = [...inference, "1", "--ignore-eos", "--model", await makeSlowModel(folder)];
});

test.after(async () => {
  for (const { program } of workers) program.kill("SIGKILL");
  await Promise.all(workers.map(({ program }) => program.ended));
});

const addresses = (): string[] => workers.map(({ address }) => address);

async function requireServed(): Promise<void> {
  const args = ["--buffer-float-type", "f32", "--workers", ...addresses()];
  const { code, stdout, stderr } = await dllama([...story, ...args]);
  assert.is(code, 0, stderr);
  assert.is(stdout, alone);
}

/** Fails if `promise` is not settled in time. */
async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function stranger({ address }: Worker): Promise<Socket> {
  const [host = "", port = ""] = address.split(":");
  const socket = connect(Number(port), host).on("error", () => {});
  await once(socket, "connect");
  return socket;
}

const HTTP = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

test("strangers cost nothing: random bytes, HTTP, connect and close, half a handshake", async () => {
  const open: Socket[] = [];
  for (const worker of workers) {
    for (const bytes of [
      randomBytes(64),
      randomBytes(100_000),
      HTTP,
      "",
      "DLL",
      Buffer.alloc(4096),
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- one stranger after the other, a few sockets at a time
      const socket = await stranger(worker);
      if (bytes.length > 0) socket.write(bytes);
      // Half of them hang up at once, half stay as long as they are let.
      if (open.length % 2 === 0) socket.destroy();
      open.push(socket);
    }
  }
  await requireServed();
  for (const socket of open) socket.destroy();
  await requireServed();
});

test("a root killed in the middle leaves all workers ready for the next", async () => {
  const root = new Program([...slow, "--workers", ...addresses()]);
  await root.printed("stdout", /🔶/);
  root.kill("SIGKILL");
  await within(NOTICED_MS, "serving the next root", requireServed());
});

test("a root that stops answering while it loads or runs is given up", async () => {
  const root = new Program([...slow, "--workers", ...addresses()]);
  await root.printed("stdout", /🔶/);
  root.kill("SIGSTOP");
  try {
    const failed = workers.map(({ program }) => program.printed("stderr", /session has failed/));
    await within(NOTICED_MS, "giving the root up", Promise.all(failed));
  } finally {
    root.kill("SIGKILL");
    await root.ended;
  }
  await requireServed();
});

test("a worker that stops answering ends the run on every rank, with rank and address", async () => {
  const [first, second] = workers;
  assert.ok(first && second);
  const root = new Program([...slow, "--on-lost", "fail", "--workers", ...addresses()]);
  await root.printed("stdout", /🔶/);
  second.program.kill("SIGSTOP");
  try {
    const { code, stderr } = await within(NOTICED_MS, "noticing the loss", root.ended);
    assert.is(code, 1);
    assert.match(stderr, new RegExp(`^error: lost rank 2 \\(${second.address}\\)`, "m"));
    await within(NOTICED_MS, "ending the session", first.program.printed("stderr", /rank 2/));
  } finally {
    second.program.kill("SIGCONT");
  }
  await requireServed();
});

test.run();
