/** This device as a worker. */

import { open } from "node:fs/promises";

import { startWorker } from "@dllama/bindings";
import type { ServerEvent, WeightSources } from "@dllama/bindings";

import { cacheFolder as platformCacheFolder } from "../cache-folder.ts";
import { DllamaError } from "../errors.ts";
import { requireCount } from "../require-count.ts";
import { memoryText } from "../memory-text.ts";
import { fromNative } from "../native-error.ts";
import { physicalCores } from "../physical-cores.ts";
import { systemError } from "../system-error.ts";
import { workerToken } from "./trust.ts";
import type { FoundToken, TrustOptions } from "./trust.ts";
import { folderProblem } from "./usable-folder.ts";

/** The port that roots look for workers at, as in the original. */
export const DEFAULT_PORT = 9998;

export interface WorkerOptions extends TrustOptions {
  /**
   * Address to listen on. Defaults to `0.0.0.0`, which is all of IPv4 (`::`: of IPv6, too), and with `insecure` to
   * `127.0.0.1`, which only this device reaches.
   */
  host?: string | undefined;
  /** Port; 0 picks one. Defaults to `9998`. */
  port?: number | undefined;
  /** Threads. Defaults to the physical cores that this process may use. */
  nthreads?: number | undefined;
  /** Bytes of memory that a session may take. Defaults to what the system has. */
  maxMemory?: number | undefined;
  /** Where units of weights are kept, so that they are sent once. Defaults to the platform's cache folder. */
  cacheFolder?: string | undefined;
  /** Bytes of the weights kept there at most. Defaults to 32 GiB, at most half of the disk's free space. */
  maxCacheBytes?: number | undefined;
  /** Keep weights on disk, and look for them there. Defaults to `true`. */
  cache?: boolean | undefined;
  /** This device's own copy of the model file: what agrees with the root's is not sent. Defaults to none. */
  model?: string | undefined;
  /** Told what happens, as a sentence and a stable kind. */
  onEvent?: ((event: WorkerEvent) => void) | undefined;
}

export interface WorkerEvent {
  kind: string;
  message: string;
}

export interface RunningWorker {
  host: string;
  port: number;
  /** What roots have to have; undefined with `insecure`. */
  token: FoundToken | undefined;
  /** Closes the port, ends the session and waits for both. */
  close: () => Promise<void>;
}

/** Servers that listen: like any server, a worker runs until it is closed, referenced or not. */
const running = new Set<object>();

/**
 * Serves one root after another.
 *
 * @throws DllamaError ADDRESS_IN_USE, INVALID_ARGUMENT, TOKEN_INVALID, FILE_NOT_FOUND, FILE_UNREADABLE.
 */
export async function serveWorker(options: WorkerOptions = {}): Promise<RunningWorker> {
  const { port = DEFAULT_PORT, nthreads = physicalCores(), maxMemory, onEvent } = options;
  const { maxCacheBytes, model: modelPath } = options;
  requireCount("nthreads", nthreads);
  if (maxMemory !== undefined) requireBytes("maxMemory", maxMemory);
  if (maxCacheBytes !== undefined) requireBytes("maxCacheBytes", maxCacheBytes);
  if (modelPath !== undefined) await requireReadable(modelPath);
  const { cacheFolder, problem } = await findCache(options);
  const token = await workerToken(options);
  const { host = token === undefined ? "127.0.0.1" : "0.0.0.0" } = options;
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const tell = (event: ServerEvent): void => {
    onEvent?.({ kind: event.kind, message: describe(event, token === undefined, modelPath) });
  };
  if (problem !== undefined) tell({ kind: "cacheFailed", message: problem });
  const lent = {
    address,
    nThreads: nthreads,
    ...(token === undefined ? { insecure: true } : { token: token.token }),
    ...(maxMemory !== undefined && { maxMemory }),
    ...(cacheFolder !== undefined && { cacheFolder }),
    ...(maxCacheBytes !== undefined && { maxCacheBytes }),
    ...(modelPath !== undefined && { modelPath }),
  };
  const server = await fromNative(startWorker(lent, tell));
  running.add(server);
  const close = async (): Promise<void> => {
    running.delete(server);
    await fromNative(server.close());
  };
  // The zone of a link-local address is this device's own, which the socket does not name.
  const zoned = host.includes("%") ? host : server.host;
  return { host: zoned, port: server.port, token, close };
}

/** The folder to keep weights in, or why there is none. Where a folder is named, it has to be usable. */
async function findCache({ cache = true, cacheFolder: named }: WorkerOptions): Promise<{
  cacheFolder?: string;
  problem?: string;
}> {
  if (!cache) return {};
  const cacheFolder = named ?? platformCacheFolder();
  if (cacheFolder === undefined) {
    return { problem: "this user has no home folder; --cache-dir names another" };
  }
  const problem = await folderProblem(cacheFolder);
  if (problem === undefined) return { cacheFolder };
  if (named === undefined) return { problem };
  throw new DllamaError("FILE_UNREADABLE", `cannot keep weights there: ${problem}`, {
    hint: "Name another folder with --cache-dir, or keep none with --no-cache.",
  });
}

/** Opened, because only the system can say what may be read. */
async function requireReadable(path: string): Promise<void> {
  try {
    const file = await open(path);
    await file.close();
  } catch (error) {
    throw systemError(path, "this device's copy of the model", error);
  }
}

function requireBytes(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new DllamaError("INVALID_ARGUMENT", `expected ${name} of 1 byte or more, got ${value}`);
}

function describe(event: ServerEvent, isInsecure: boolean, model: string | undefined): string {
  const { kind, address = "", rank = 0, worldSize = 1, sources, message = "" } = event;
  switch (kind) {
    case "sessionBegan":
      return (
        `Root ${address} has begun a session: this is rank ${rank} of ${worldSize}.` +
        (isInsecure ? " INSECURE: it may be anybody, and nothing is encrypted." : "")
      );
    case "loading":
      return describeMemory(event);
    case "loaded":
      return sources === undefined ? "Weights are loaded." : describeSources(sources, model);
    case "cacheFailed":
      return `Weights are not kept for the next session: ${message}.`;
    case "sessionEnded":
      return "The session has ended; waiting for the next root.";
    case "sessionFailed":
      return address === ""
        ? `The session has failed: ${message}. Waiting for the next root.`
        : `${address}: ${message}`;
    default:
      return address === "" ? message : `${address}: ${message}`;
  }
}

function describeMemory({ nBytes = 0, freeBytes, ...parts }: ServerEvent): string {
  const {
    weightBytes = 0,
    kvCacheBytes = 0,
    bufferBytes = 0,
    scratchBytes = 0,
    turnBytes = 0,
  } = parts;
  const free = freeBytes === undefined ? "" : ` of ${memoryText(freeBytes)} that are free`;
  return (
    `This rank takes ${memoryText(nBytes)} of memory${free}: ${memoryText(weightBytes)} for weights, ` +
    `${memoryText(kvCacheBytes)} for the KV cache, ${memoryText(bufferBytes)} for buffers, ` +
    `${memoryText(scratchBytes)} for scratch, ${memoryText(turnBytes)} for turns of RoPE.`
  );
}

function describeSources(sources: WeightSources, model: string | undefined): string {
  const { sentBytes, cachedBytes, heldBytes, localBytes } = sources;
  const total = sentBytes + cachedBytes + heldBytes + localBytes;
  const parts = [
    `${memoryText(sentBytes)} sent`,
    ...(cachedBytes > 0 ? [`${memoryText(cachedBytes)} from the cache`] : []),
    ...(heldBytes > 0 ? [`${memoryText(heldBytes)} still in memory`] : []),
    ...(localBytes > 0 ? [`${memoryText(localBytes)} from the local model`] : []),
  ];
  // It is asked before the cache, but not for what is still in memory.
  const isStranger = model !== undefined && localBytes === 0 && heldBytes === 0 && total > 0;
  const nothing = isStranger ? ` Nothing in ${model} agrees with the root's model.` : "";
  return `${memoryText(total)} of weights are loaded: ${parts.join(", ")}.${nothing}`;
}
