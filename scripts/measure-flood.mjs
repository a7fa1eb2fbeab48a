/**
 * Measures what a flood of strangers at a worker's port does to a run: token times without one, during
 * one, and after it; whether the text is the same; whether another root gets its answer; and the worker's
 * memory before and after. Linux only (/proc). Root, worker and flood share this machine: what they take
 * from each other is in the times.
 *
 *     npx -y pnpm@10.34.9 build && node scripts/measure-flood.mjs [--steps 200]
 *
 * The flood is one process that keeps 256 connections busy: a third says nothing, a third half a hello, a
 * third garbage; each is closed after 20 ms and made anew.
 */

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { jsonLines, measurement, outputOf } from "./lib/measure/measurement.mjs";
import { memoryMib } from "./lib/measure/proc.mjs";
import { printTable } from "./lib/measure/spread.mjs";

const { values } = parseArgs({ options: { steps: { type: "string", default: "200" } } });

/** Says how many connections it has made, once a second. */
const FLOOD = `
  import { connect } from "node:net";
  const [host, port] = process.argv[2].split(":");
  const hello = Buffer.concat([Buffer.from("dllama\\r\\n"), Buffer.from([3, 0, 0, 0, 0, 1])]);
  const said = [Buffer.alloc(0), hello, Buffer.from("GET / HTTP/1.1\\r\\n\\r\\n")];
  let made = 0;
  const visit = (kind) => {
    const socket = connect({ host, port: Number(port) });
    socket.on("error", () => {});
    socket.on("connect", () => {
      made++;
      socket.write(said[kind]);
      setTimeout(() => socket.destroy(), 20);
    });
    socket.on("close", () => setImmediate(visit, kind));
  };
  for (let n = 0; n < 256; n++) visit(n % said.length);
  setInterval(() => console.log(made), 1000);
`;

const run = ["inference", "-p", "Once upon a time", "--steps", values.steps, "--temperature", "0"];
const flags = ["--nthreads", "1", "--ignore-eos", "--format", "json"];

await measurement(async ({ folder, node, dllama, worker }) => {
  const flood = join(folder, "flood.mjs");
  writeFileSync(flood, FLOOD);
  const { child, address } = await worker("--nthreads", "1");
  const memory = () => memoryMib(child.pid, "VmRSS");
  const story = async (what) => {
    const lines = jsonLines(await outputOf(dllama(...run, ...flags, "--workers", address)));
    const tokens = lines.filter(({ type }) => type === "token");
    const ms = tokens.map((token) => token.generationMs).toSorted((a, b) => a - b);
    const at = (share) => ms[Math.floor(share * (ms.length - 1))].toFixed(2);
    return { row: [what, at(0.5), at(0.95), at(1)], text: tokens.map(({ text }) => text).join("") };
  };
  await story("warm-up");
  const before = memory();
  const quiet = await story("without a flood");

  const strangers = node(flood, address);
  strangers.stderr.pipe(process.stderr);
  await once(strangers.stdout, "data");
  const loud = await story("during a flood");
  let made = "";
  strangers.stdout.on("data", (text) => (made = text.trim().split("\n").at(-1)));
  await once(strangers.stdout, "data");
  const second = dllama(...run, "--nthreads", "1", "--workers", address);
  const start = performance.now();
  await outputOf(second);
  const reachedMs = performance.now() - start;
  strangers.kill("SIGKILL");
  await once(strangers, "close");
  const after = await story("after it");
  await sleep(6000);

  printTable(["", "median ms", "95 % ms", "largest ms"], [quiet.row, loud.row, after.row]);
  const same = [loud, after].every(({ text }) => text === quiet.text);
  console.log(`\nconnections of the flood: ${made}`);
  console.log(`text: ${same ? "the same in all" : "NOT THE SAME"}`);
  console.log(`a new root during the flood: served, done after ${(reachedMs / 1000).toFixed(1)} s`);
  console.log(
    `memory of the worker: ${before.toFixed(1)} MiB before, ${memory().toFixed(1)} MiB after`,
  );
  if (!same) process.exitCode = 1;
});
