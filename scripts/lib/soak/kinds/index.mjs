/**
 * The kinds of fault by name. A kind is a function that does the fault and mends it; what it gets:
 *
 * @typedef {object} Scene
 * @property {import("../cluster.mjs").Cluster} cluster
 * @property {() => number} random uniform in [0, 1)
 * @property {Promise<void>} lost resolves when the root has noticed
 * @property {Promise<void>} recovered resolves when its text goes on
 */

import { canFillDisks } from "../cluster.mjs";
import { corruptedCache, fullDisk } from "./caches.mjs";
import {
  halfOpen,
  halfOpenAndKilled,
  linkDown,
  linkDownAndKilled,
  reorderedConnects,
  reset,
} from "./links.mjs";
import { allKilled, killedTwice, sigkill, sigstop, sigterm } from "./processes.mjs";

/** @type {[name: string, fault: (scene: Scene) => Promise<void>][]} */
export const kinds = Object.entries({
  sigkill,
  sigterm,
  allKilled,
  killedTwice,
  sigstop,
  linkDown,
  linkDownAndKilled,
  halfOpen,
  halfOpenAndKilled,
  reset,
  reorderedConnects,
  corruptedCache,
  // Making a disk that is full needs root; without, the soak says so.
  ...(canFillDisks ? { fullDisk } : {}),
});
