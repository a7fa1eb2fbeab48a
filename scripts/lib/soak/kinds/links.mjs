/** What happens to a worker's connections. */

import { setTimeout as sleep } from "node:timers/promises";

import { oneOf, wholeBetween } from "../random.mjs";

/** More than the limit of silence, which is 2 s. */
const DOWN_MS = [2600, 4500];

/** The cable is out for longer than the deadline; new connections, too, wait for it. */
export async function linkDown({ cluster, random }) {
  const { proxy } = oneOf(random, cluster.workers);
  proxy.cut();
  await sleep(wholeBetween(random, ...DOWN_MS));
  proxy.mend();
}

/** The cable is out while the worker is killed and started again. */
export async function linkDownAndKilled({ cluster, random }) {
  const worker = oneOf(random, cluster.workers);
  worker.proxy.cut();
  await worker.end("SIGKILL");
  await worker.run();
  await sleep(wholeBetween(random, ...DOWN_MS));
  worker.proxy.mend();
}

/** Connections that stand are dead without a word, new ones are made. */
export async function halfOpen({ cluster, random }) {
  oneOf(random, cluster.workers).proxy.forget();
}

/** The worker is gone and back, and its old connections are dead without a word. */
export async function halfOpenAndKilled({ cluster, random }) {
  const worker = oneOf(random, cluster.workers);
  worker.proxy.forget();
  await worker.end("SIGKILL");
  await worker.run();
}

export async function reset({ cluster, random }) {
  oneOf(random, cluster.workers).proxy.reset();
}

/** Every worker's connections are reset, and new ones arrive in any order, some late. */
export async function reorderedConnects({ cluster, random, recovered }) {
  for (const { proxy } of cluster.workers) {
    proxy.connectDelayMs = () => wholeBetween(random, 0, 400);
  }
  for (const { proxy } of cluster.workers) proxy.reset();
  await recovered;
  for (const { proxy } of cluster.workers) proxy.connectDelayMs = () => 0;
}
