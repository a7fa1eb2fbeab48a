/** The engine's Node-API addon, with the types that its generated declarations leave open. */

import { loadAddon } from "./addon/load-addon.ts";
import type { Native } from "./addon/native.ts";
import { realSurroundings } from "./addon/surroundings.ts";

export type { Connection, ConnectOptions, DeviceFacts, MatmulRates } from "./connection.ts";
export type { Engine, EngineOptions, ForwardResult, ForwardRow, LoadProgress } from "./engine.ts";
export type { HostFacts, RankSums, RankTimes, Waiting } from "./engine.ts";
export type { Measurement, OpMs, Plan, RankDigest } from "./engine.ts";
export type { RowClass, RowFailure, RowResult } from "./engine.ts";
export type { WeightSources } from "./engine.ts";
export type { FloatType, SourceFloatType } from "./addon/native.ts";
export type { ServerEvent, ServerOptions, WorkerServer } from "./worker.ts";

let loaded: Native | undefined;

/**
 * Loaded by the first call, not by the import: a program that cannot have the addon gets an error that it can
 * catch, in place of one that ends it before its first line.
 */
function native(): Native {
  loaded ??= loadAddon(realSurroundings(import.meta.url));
  return loaded;
}

/**
 * Converts whole rows on libuv's thread pool; for q40 and q80 a multiple of 32 values. `source` is copied before
 * this returns.
 *
 * Rejects with an Error with the code VALUE_OUT_OF_RANGE or NUMBER_NOT_FINITE and the `index` of
 * the value in `source`, or with the code INVALID_ARGUMENT.
 */
export const convertFloats: Native["convertFloats"] = async (...args) =>
  native().convertFloats(...args);

/**
 * Connects to the workers and asks all devices what they are.
 *
 * Rejects as `loadEngine` does.
 */
export const connectRanks: Native["connectRanks"] = async (...args) =>
  native().connectRanks(...args);

/**
 * Sends the workers of `connection` their Programs and slices, and loads the root's own weights. The
 * connection is the engine's from then on, whatever comes of it.
 *
 * Rejects with an Error with a stable `code`, and perhaps a `hint`; for a lost peer with its `rank`
 * and `address`, for one that gave up with its `peerCode`, too. `mayPass` is true where the same call may
 * succeed a little later.
 */
export const loadEngine: Native["loadEngine"] = async (...args) => native().loadEngine(...args);

/** Listens and serves one root after another. */
export const startWorker: Native["startWorker"] = async (...args) => native().startWorker(...args);

/**
 * Bytes a second that a plain loop reads from a buffer of `nBytes` with `nThreads`: the best of several
 * passes, 0.2 s at least. No matmul can read its weights faster.
 */
export const readRate: Native["readRate"] = async (...args) => native().readRate(...args);

/** The memory that the rank of a Program, which is JSON, would take. Throws an Error with a `code`. */
export const rankMemory: Native["rankMemory"] = (...args) => native().rankMemory(...args);

/** Physical cores that this process may run on, within its control group's quota. */
export const physicalCores: Native["physicalCores"] = (...args) => native().physicalCores(...args);

/**
 * Ends the process at once, with this exit code. `process.exit` waits for libuv's threads first, and one of
 * them may be stuck in a call to a disk or a server that does not answer.
 */
export const endProcess: Native["endProcess"] = (...args) => native().endProcess(...args);

/**
 * From now on a mapped file that is cut short ends the process with a message on stderr that names the file,
 * and exit code 1, in place of SIGBUS without a word. For programs whose process is their own. Returns
 * whether it does: a handler of SIGBUS that is there already is left alone.
 */
export const explainBusErrors: Native["explainBusErrors"] = () => native().explainBusErrors();
