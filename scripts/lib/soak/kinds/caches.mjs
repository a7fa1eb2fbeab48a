/** What happens to the weights that a worker keeps on its disk. */

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { oneOf, wholeBetween } from "../random.mjs";

/** Bytes of the disk are not those that were written, found by the worker when it starts again. */
export async function corruptedCache({ cluster, random }) {
  const worker = oneOf(random, cluster.workers);
  await worker.end("SIGKILL");
  for (const path of filesIn(worker.cacheFolder)) {
    const bytes = readFileSync(path);
    if (bytes.length === 0 || random() < 0.5) continue;
    const at = wholeBetween(random, 0, bytes.length);
    bytes[at] ^= wholeBetween(random, 1, 256);
    // Some are cut short, too.
    writeFileSync(path, random() < 0.3 ? bytes.subarray(0, at) : bytes);
  }
  await worker.run();
}

/** The disk has no room for the weights that the worker gets. */
export async function fullDisk({ cluster, random }) {
  const worker = oneOf(random, cluster.workers);
  await worker.end("SIGKILL");
  await worker.run({ hasFullDisk: true });
}

function filesIn(folder) {
  const names = readdirSync(folder, { recursive: true });
  return names.map((name) => join(folder, name)).filter((path) => statSync(path).isFile());
}
