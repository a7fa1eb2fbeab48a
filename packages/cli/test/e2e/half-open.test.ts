/** A network that stops passing anything on: no end is told, and each has to find out by itself. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { jsonLines, Program } from "./harness.ts";
import { missingForNamespaces, TwoNetworks } from "./two-networks.ts";

/** Far above the three seconds that it should take, far below the half minute of the laxer links. */
const NOTICED_MS = 12_000;
const PORT = 9998;

const missing = missingForNamespaces();
if (missing !== undefined) {
  console.log(`half-open connections are not tested: ${missing}`);
  const by = ["REQUIRE_NETNS", "CI"].find((name) => process.env[name]);
  if (by !== undefined) throw new Error(`${by} asks for a test that cannot run: ${missing}`);
}
const testHere = (name: string, run: () => Promise<void>): void =>
  missing === undefined ? test(name, run) : test.skip(name, run);

interface Ends {
  networks: TwoNetworks;
  worker: Program;
  root: (...args: string[]) => Program;
}

async function withEnds(use: (ends: Ends) => Promise<void>): Promise<void> {
  const networks = new TwoNetworks();
  const [, address] = networks.addresses;
  const programs: Program[] = [];
  const start = (end: 0 | 1, args: string[]): Program => {
    const program = new Program([...args, "--nthreads", "1", "--insecure"], {
      within: networks.at(end),
      stdin: null,
    });
    programs.push(program);
    return program;
  };
  try {
    const worker = start(1, ["worker", "--host", address, "--port", String(PORT)]);
    await worker.printed("stdout", /^Listening/m);
    const story = ["inference", "-p", "Once upon a time", "--seed", "2", "--ignore-eos"];
    const workers = ["--workers", `${address}:${PORT}`, "--format", "json"];
    const root = (...args: string[]): Program => start(0, [...story, ...args, ...workers]);
    await use({ networks, worker, root });
  } finally {
    for (const program of programs) program.kill("SIGKILL");
    await Promise.all(programs.map(({ ended }) => ended));
    networks.remove();
  }
}

const ids = (stdout: string): unknown[] =>
  jsonLines(stdout).flatMap(({ type, id }) => (type === "token" ? [id] : []));

/** Fails if `promise` is not settled in time; tells how long it took. */
async function within(what: string, promise: Promise<unknown>): Promise<void> {
  const start = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took more than ${NOTICED_MS} ms`)),
      NOTICED_MS,
    );
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
  console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

testHere("in a run: both ends notice, and the text goes on when the network is back", () =>
  withEnds(async ({ networks, worker, root }) => {
    const undisturbed = await root("--steps", "400").ended;
    assert.is(undisturbed.code, 0, undisturbed.stderr);
    const run = root("--steps", "400");
    await run.printed("stdout", /(?:.*"token".*\n){20}/);
    networks.setPassing(false);
    await Promise.all([
      within("the root notices", run.printed("stdout", /"type":"lost","rank":1/)),
      within("the worker notices", worker.printed("stderr", /lost rank 0 .*nothing came/)),
    ]);
    networks.setPassing(true);
    const { code, stdout, stderr } = await run.ended;
    assert.is(code, 0, stderr);
    assert.equal(ids(stdout), ids(undisturbed.stdout));
    assert.match(stdout, /"type":"recovered"/);
  }),
);

/** A process that uses the library: says "ready" after a few tokens, and then does nothing. */
const IDLE = `
  import { loadModel } from ${JSON.stringify(new URL("../../../core/dist/index.js", import.meta.url).href)};
  const model = await loadModel({ workers: [process.argv[1]], nthreads: 1, insecure: true });
  for await (const _ of model.generate("Once", { steps: 8 }));
  console.log("ready");
  setInterval(() => {}, 2 ** 30);
  globalThis.kept = model;
`;

testHere("between runs: a worker whose root lost power is ready for the next one", () =>
  withEnds(async ({ networks, worker, root }) => {
    const [ip = "", ...args] = networks.at(0);
    const script = ["--input-type=module", "-e", IDLE, `${networks.addresses[1]}:${PORT}`];
    const idle = spawn(ip, [...args, process.execPath, ...script], { timeout: 60_000 });
    const ended = once(idle, "close");
    try {
      await once(idle.stdout, "data");
      // Until it rests: before, it is its heartbeats that are missed.
      await sleep(3000);
      networks.setPassing(false);
      await within("the idle worker is ready", worker.printed("stderr", /session has failed/));
    } finally {
      idle.kill("SIGKILL");
      await ended;
    }
    networks.setPassing(true);
    const next = await root("--steps", "5").ended;
    assert.is(next.code, 0, next.stderr);
  }),
);

test.run();
