/** What a root and a worker really say to each other, written down by a proxy between them. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { join } from "node:path";

import { root as repository } from "../workspace.mjs";
import { writeTinyModel } from "./tiny-model.mjs";

const MAIN = join(repository, "packages/cli/dist/main.js");

/**
 * @typedef {object} Recording
 * @property {Buffer} toWorker everything that the root sent
 * @property {Buffer} toRoot everything that the worker sent
 */

/**
 * A port that passes one connection on to `address` and writes down both directions.
 *
 * @param {string} address of a worker
 * @returns {Promise<{ address: string, recorded: Promise<Recording> }>}
 */
export async function recordingProxy(address) {
  const [host, port] = address.split(/:(?=\d+$)/);
  const server = createServer();
  const recorded = once(server, "connection").then(async ([root]) => {
    server.close();
    const worker = connect(Number(port), host);
    for (const socket of [root, worker]) socket.setNoDelay(true);
    const [toWorker, toRoot] = await Promise.all([pass(root, worker), pass(worker, root)]);
    return { toWorker, toRoot };
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { address: `127.0.0.1:${server.address().port}`, recorded };
}

async function pass(from, to) {
  const chunks = [];
  from.on("data", (chunk) => {
    chunks.push(chunk);
    to.write(chunk);
  });
  // A side that resets the connection ends it, too.
  from.on("error", () => to.destroy());
  await new Promise((resolve) => from.once("close", resolve));
  to.end();
  return Buffer.concat(chunks);
}

/**
 * A short run of a tiny model on the worker at `address`, written down. Plan and split are pinned:
 * measuring would be megabytes, and seconds.
 *
 * @param {string} address
 * @param {string} folder where the model may be
 * @param {"direct" | "scattered"} allReduce
 * @param {string} [token] of both. Defaults to none, with `--insecure`
 * @returns {Promise<Recording>}
 */
export async function recordSession(address, folder, allReduce, token) {
  const proxy = await recordingProxy(address);
  const model = writeTinyModel(folder);
  const run = ["--prompt", "a b", "--steps", "4", "--temperature", "0", "--nthreads", "1"];
  const trust = token === undefined ? ["--insecure"] : [];
  const cluster = [
    ...trust,
    "--split",
    "equal",
    "--all-reduce",
    allReduce,
    "--workers",
    proxy.address,
  ];
  const args = [MAIN, "inference", "--quiet", "--model", model, ...run, ...cluster];
  const env = { ...process.env, ...(token !== undefined && { DLLAMA_TOKEN: token }) };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`the run to record ended with ${code}: ${stderr}`);
  return proxy.recorded;
}

const HEADER_BYTES = 16;
/** Control messages of which a root's first is one: measure, plan, device (crates/engine/src/roles/messages.rs). */
const CONTROL = 3;
const FIRST_TAGS = [8, 9, 20];

/**
 * The frames that follow the handshake in one direction.
 *
 * @param {Buffer} bytes
 * @param {number} [start] where they begin. Defaults to a root's first one
 * @returns {{ start: number, frames: { kind: number, tag: number, payload: Buffer }[] }} `start`: bytes of
 *   the handshake
 */
export function splitFrames(bytes, start = findFirst(bytes)) {
  const frames = [];
  for (let at = start; at + HEADER_BYTES <= bytes.length;) {
    const nBytes = Number(bytes.readBigUInt64LE(at + 8));
    const payload = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + nBytes);
    frames.push({ kind: bytes[at], tag: bytes[at + 1], payload });
    at += HEADER_BYTES + nBytes;
  }
  return { start, frames };
}

function findFirst(bytes) {
  return bytes.findIndex((kind, at) => kind === CONTROL && isFirstHeader(bytes, at));
}

function isFirstHeader(bytes, at) {
  const rest = bytes.subarray(at + 2, at + HEADER_BYTES);
  // Zeros, the number 0, and a short payload.
  return FIRST_TAGS.includes(bytes[at + 1]) && rest.length === 14 && rest.readUIntLE(0, 6) === 0;
}
