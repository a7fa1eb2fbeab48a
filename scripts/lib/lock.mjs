/** One build at a time: a worker and a root may well be started side by side on a fresh clone. */

import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 200;

/**
 * Waits until no other living process holds the lock file, and holds it while `work` runs.
 *
 * @template T
 * @param {string} path
 * @param {(holder: number) => void} onWait called once, with the process to wait for
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, onWait, work) {
  mkdirSync(dirname(path), { recursive: true });
  let told = false;
  while (!tryLock(path)) {
    const holder = readHolder(path);
    if (holder !== undefined && !isAlive(holder)) {
      rmSync(path, { force: true });
      continue;
    }
    if (holder !== undefined && !told) onWait(holder);
    told = true;
    await sleep(POLL_MS);
  }
  const unlock = () => rmSync(path, { force: true });
  process.once("exit", unlock);
  try {
    return await work();
  } finally {
    process.off("exit", unlock);
    unlock();
  }
}

/** A link is made whole or not at all: nobody sees a lock file without its holder's number. */
function tryLock(path) {
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** @returns {number | undefined} undefined if the lock has just been given back */
function readHolder(path) {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    // Signal 0 sends nothing and asks only whether it could.
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}
