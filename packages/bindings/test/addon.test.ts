/** What the addon does without a model: conversion, errors with codes, the port of a worker. */

import { availableParallelism } from "node:os";

import { test } from "uvu";
import * as assert from "uvu/assert";

import {
  connectRanks,
  convertFloats,
  loadEngine,
  physicalCores,
  rankMemory,
  readRate,
  startWorker,
} from "../src/index.ts";

interface Failure {
  code?: string;
  hint?: string;
  message: string;
  index?: number;
}

async function failure(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("expected an Error");
}

const bytesOf = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer);

test("every finite bf16 becomes f32 bit for bit", async () => {
  const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
  const halves = all.filter((bits) => (bits & 0x7f80) !== 0x7f80);
  const wide = await convertFloats(new Uint8Array(halves.buffer), "bf16", "f32");
  assert.equal(
    [...new Uint32Array(wide.buffer)],
    [...halves].map((bits) => (bits << 16) >>> 0),
  );
});

test("Q80 has the scale and the quants of its definition", async () => {
  const values = Float32Array.from({ length: 32 }, (_, i) => i - 12.25);
  const block = Buffer.from(await convertFloats(bytesOf(values), "f32", "q80"));
  assert.is(block.length, 34);
  // amax is 18.75; 18.75 / 127 as f16 is 0x30b9.
  assert.is(block.readUInt16LE(0), 0x30b9);
  for (const [i, value] of values.entries()) {
    const exact = value * (127 / 18.75);
    assert.ok(Math.abs(block.readInt8(2 + i) - exact) <= 0.5 + 1e-5, `${i}`);
  }
});

test("source bytes may lie at an odd address", async () => {
  const shifted = new Uint8Array(129).subarray(1);
  shifted.set(bytesOf(new Float32Array(32).fill(1.5)));
  const copy = await convertFloats(shifted, "f32", "f32");
  assert.equal(copy, Uint8Array.from(shifted));
});

test("source may be changed or given away while it is converted", async () => {
  const buffer = new ArrayBuffer(2 ** 22);
  const source = new Uint8Array(buffer);
  new Float32Array(buffer).fill(1.5);
  const expected = Uint8Array.from(source);
  const changed = convertFloats(source, "f32", "f32");
  source.fill(0xff);
  assert.equal(await changed, expected);
  source.set(expected);
  const given = convertFloats(source, "f32", "f32");
  structuredClone(buffer, { transfer: [buffer] });
  assert.is(source.length, 0);
  assert.equal(await given, expected);
});

test("source in memory that threads share is refused, and a copy of it taken", async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(128));
  const error = await convertFloats(shared, "f32", "f32").then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Error && "code" in error);
  assert.is(error.code, "INVALID_ARGUMENT");
  assert.match(error.message, /source\.slice\(\)/);
  assert.equal(await convertFloats(shared.slice(), "f32", "f32"), shared.slice());
});

test("a value that does not fit is named by its index", async () => {
  const values = new Float32Array(64).fill(1);
  values[40] = 1e6;
  const tooLarge = await failure(convertFloats(bytesOf(values), "f32", "f16"));
  assert.is(tooLarge.code, "VALUE_OUT_OF_RANGE");
  assert.is(tooLarge.index, 40);
  values[40] = Number.NaN;
  const none = await failure(convertFloats(bytesOf(values), "f32", "q40"));
  assert.is(none.code, "NUMBER_NOT_FINITE");
  assert.is(none.index, 40);
  const cut = await failure(convertFloats(new Uint8Array(100), "f32", "q40"));
  assert.is(cut.code, "INVALID_ARGUMENT");
});

test("conversion leaves the JavaScript thread alone", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await convertFloats(new Uint8Array(64 * 2 ** 20), "bf16", "q40");
  clearInterval(timer);
  assert.ok(turns > 0, "timers ran meanwhile");
});

test("physical cores are at least one and no more than processors", () => {
  const cores = physicalCores();
  assert.ok(Number.isInteger(cores) && cores >= 1 && cores <= availableParallelism(), `${cores}`);
});

test("memory is read at some rate, and a buffer that nobody has is refused", async () => {
  const rate = await readRate(2 ** 20, 2);
  assert.ok(Number.isFinite(rate) && rate > 0, `${rate}`);
  assert.is((await failure(readRate(2 ** 60, 1))).code, "OUT_OF_MEMORY");
  assert.is((await failure(readRate(2 ** 10, 0))).code, "OUT_OF_MEMORY");
});

test("an engine that cannot be loaded says why, with a code", async () => {
  const options = { modelPath: "/no/such/model.gguf", programs: ["{}"], workers: [], nThreads: 1 };
  const alone = { workers: [], nThreads: 1, insecure: true };
  const load = async (programs: string[]): Promise<Failure> =>
    failure(loadEngine(await connectRanks(alone), { ...options, programs }));
  assert.is((await load(["{}"])).code, "PROGRAM_INVALID");
  assert.is((await load([])).code, "PROGRAM_INVALID");
  assert.throws(
    () => rankMemory("{}"),
    (error: Failure) => error.code === "PROGRAM_INVALID",
  );
});

const token = "of the addon's tests";

test("ranks that have met tell what they are, measure, and are let go", async () => {
  const server = await startWorker(
    { address: "127.0.0.1:0", nThreads: 2, maxMemory: 12_345, token },
    () => {},
  );
  const workers = [`127.0.0.1:${server.port}`];
  const connection = await connectRanks({ workers, nThreads: 1, token });
  const [root, worker] = connection.devices;
  assert.is(root?.nThreads, 1);
  assert.equal(worker, { nThreads: 2, nCores: physicalCores(), freeBytes: 12_345 });
  const rates = await connection.measureRates();
  assert.is(rates.length, 2);
  for (const { bytesPerSecond, opsPerSecond } of rates) {
    assert.ok(bytesPerSecond > 1e6 && opsPerSecond > 1e6, `${bytesPerSecond}, ${opsPerSecond}`);
  }
  await connection.close();
  await connection.close();
  assert.is((await failure(connection.measureRates())).code, "DISPOSED");
  const next = await connectRanks({ workers, nThreads: 1, token });
  await next.close();
  const options = { modelPath: "", programs: [], workers, nThreads: 1 };
  assert.is((await failure(loadEngine(next, options))).code, "DISPOSED");
  await server.close();
});

test("a port is free again after close, and closing twice is fine", async () => {
  const options = { nThreads: 1, token };
  const first = await startWorker({ ...options, address: "127.0.0.1:0" }, () => {});
  assert.is(first.host, "127.0.0.1");
  const address = `127.0.0.1:${first.port}`;
  const taken = await failure(startWorker({ ...options, address }, () => {}));
  assert.is(taken.code, "ADDRESS_IN_USE");
  assert.match(taken.message, address);
  await first.close();
  await first.close();
  const second = await startWorker({ ...options, address }, () => {});
  await second.close();
});

test("without a token of 16 bytes, or insecure, nobody is served and no worker is called", async () => {
  const refused = async (trust: { token?: string; insecure?: boolean }) => {
    const server = { address: "127.0.0.1:0", nThreads: 1, ...trust };
    const root = { workers: ["127.0.0.1:1"], nThreads: 1, ...trust };
    const both = [startWorker(server, () => {}), connectRanks(root)];
    const failures = await Promise.all(both.map(failure));
    assert.is(failures[0]?.code, failures[1]?.code);
    return failures[0];
  };
  assert.is((await refused({}))?.code, "TOKEN_MISSING");
  const secret = "a-short-secret!";
  const short = await refused({ token: secret });
  assert.is(short?.code, "TOKEN_INVALID");
  assert.match(short?.message ?? "", /at least 16 bytes, got 15/);
  assert.not(short?.message.includes(secret));
  assert.is((await refused({ token: `${secret}!`, insecure: true }))?.code, "INVALID_ARGUMENT");
});

test.run();
