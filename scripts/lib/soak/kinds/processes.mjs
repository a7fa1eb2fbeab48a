/** What happens to a worker's process. */

import { setTimeout as sleep } from "node:timers/promises";

import { oneOf, wholeBetween } from "../random.mjs";

/** More than the limit of silence, which is 2 s. */
const STOPPED_MS = [2600, 4500];

/** Killed, and started again by its supervisor after a while. */
export async function sigkill({ cluster, random }) {
  const worker = oneOf(random, cluster.workers);
  await worker.end("SIGKILL");
  await sleep(wholeBetween(random, 0, 300));
  await worker.run();
}

/** Told to end, and started again. */
export async function sigterm({ cluster, random }) {
  const worker = oneOf(random, cluster.workers);
  await worker.end("SIGTERM");
  await worker.run();
}

/** All of them at once. */
export async function allKilled({ cluster }) {
  await Promise.all(cluster.workers.map((worker) => worker.end("SIGKILL")));
  await Promise.all(cluster.workers.map((worker) => worker.run()));
}

/** Killed while it comes back, too. */
export async function killedTwice({ cluster, random, lost }) {
  const worker = oneOf(random, cluster.workers);
  await worker.end("SIGKILL");
  await worker.run();
  await lost;
  await sleep(wholeBetween(random, 0, 150));
  await worker.end("SIGKILL");
  await worker.run();
}

/** Stopped for longer than the deadline, then let go on. */
export async function sigstop({ cluster, random }) {
  const worker = oneOf(random, cluster.workers);
  worker.signal("SIGSTOP");
  await sleep(wholeBetween(random, ...STOPPED_MS));
  worker.signal("SIGCONT");
}
