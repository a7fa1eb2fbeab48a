/**
 * What is proved, in this order.
 *
 * @typedef {object} Line
 * @property {string} name
 * @property {string} what must be so
 * @property {boolean} [isOtherSystem] runs in another root file system
 * @property {() => string | undefined} [missing] what this machine lacks for it
 * @property {(stage: import("./stage.mjs").Stage) => Promise<string>} run what came of it, in a few words;
 *   it throws a ProofError if it is not so
 */

import arm64 from "./lines/arm64.mjs";
import asar from "./lines/asar.mjs";
import bundlers from "./lines/bundlers.mjs";
import container from "./lines/container.mjs";
import mainThread from "./lines/main-thread.mjs";
import mixed from "./lines/mixed.mjs";
import offline from "./lines/offline.mjs";
import oldSystem from "./lines/old-system.mjs";
import packageManagers from "./lines/package-managers.mjs";
import runtimes from "./lines/runtimes.mjs";
import size from "./lines/size.mjs";
import start from "./lines/start.mjs";
import threads from "./lines/threads.mjs";

/** @type {Line[]} */
export const lines = [
  packageManagers,
  size,
  start,
  runtimes,
  bundlers,
  asar,
  threads,
  mainThread,
  offline,
  oldSystem,
  arm64,
  mixed,
  container,
];
