/** Arms each export of the addon to panic, and checks that it rejects: `node panics-child.mjs ADDON MODEL PROGRAM`. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const [addon, modelPath, program] = process.argv.slice(2);
const native = createRequire(import.meta.url)(addon);

/** The call panics, and then works. */
async function panics(point, call) {
  native.armPanic(point, 0);
  await assert.rejects(async () => call(), {
    code: "INTERNAL",
    message: `a bug in dllama ended this call: the test's panic at ${point}`,
    hint: /report/,
  });
}

const alone = { workers: [], nThreads: 2, insecure: true };
const server = { address: "127.0.0.1:0", nThreads: 1, insecure: true };
const options = { modelPath, programs: [program], workers: [], nThreads: 2 };
const row = { token: 1, position: 0, sequence: 0, want: "candidates", temperature: 1 };
const load = async () => native.loadEngine(await native.connectRanks(alone), options);

await panics("convertFloats", () => native.convertFloats(new Uint8Array(64), "f16", "q40"));
await panics("readRate", () => native.readRate(1024, 1));
await panics("rankMemory", () => native.rankMemory(program));
await panics("connectRanks", () => native.connectRanks(alone));
const connection = await native.connectRanks(alone);
await panics("measureRates", () => connection.measureRates());
await panics("connection.close", () => connection.close());
await connection.close();
await panics("loadEngine", load);
// The engine's own: its first part, then a thread of the pool.
await panics("load", load);
await panics("startWorker", () => native.startWorker(server, () => {}));
const worker = await native.startWorker(server, () => {});
await panics("server.close", () => worker.close());

// A panic ends the engine's session, and reconnecting begins another.
const engine = await load();
/** @type {[string, () => Promise<unknown>][]} */
const calls = [
  ["check", () => engine.forward("exact", [row])],
  ["forward", () => engine.forward("exact", [row])],
  ["full row", () => engine.fullRow(0)],
  ["digest", () => engine.digests()],
  ["answer", () => engine.digests()],
];
for (const [point, call] of calls) {
  // One that was brief makes the JavaScript thread compute the next.
  for (let n = 0; n < 2; n++) await engine.forward("exact", [row]);
  await panics(point, call);
  if (point === "answer") continue;
  await assert.rejects(engine.forward("exact", [row]), {
    code: "DISPOSED",
    message: new RegExp(`the test's panic at ${point}`),
  });
  await engine.reconnect(Number.NaN);
}
await engine.forward("exact", [row]);
await engine.dispose();

process.stdout.write("alive\n");
