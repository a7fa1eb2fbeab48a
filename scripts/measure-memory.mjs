/**
 * Measures what `dllama inference` holds of its own beside weights and KV cache: private memory (RssAnon
 * of /proc/PID/status), its peak, sampled every 20 ms. Linux only.
 *
 *     npx -y pnpm@10.34.9 build && node scripts/measure-memory.mjs [--shape llama2-7b]
 *
 * The weights are a sparse file that is mapped, so none of them is private; they are zeros, which takes
 * no other memory than any weights. Prompt and generation fill the context to its end, so that all of
 * the KV cache is there and can be taken off.
 */

import { once } from "node:events";
import { parseArgs } from "node:util";

import { shapeParams } from "../packages/converter/dist/synthetic/shapes.js";
import { measurement } from "./lib/measure/measurement.mjs";
import { memoryMib } from "./lib/measure/proc.mjs";
import { promptOf, writeWarmSparseModel } from "./lib/measure/sparse-model.mjs";
import { printTable, printTarget } from "./lib/measure/spread.mjs";

const MOST_MIB = 80;
const SAMPLE_MS = 20;
const PROMPT_TOKENS = 129;
const CONTEXT = 144;
const F16_BYTES = 2;

const { values } = parseArgs({ options: { shape: { type: "string", default: "llama2-7b" } } });

/** Keys and values of all layers and positions. */
function kvCacheMib({ nLayers, nKvHeads, headDim }) {
  return (2 * nLayers * nKvHeads * headDim * CONTEXT * F16_BYTES) / 2 ** 20;
}

await measurement(async ({ folder, dllama }) => {
  const model = await writeWarmSparseModel(folder, values.shape);
  const cache = kvCacheMib(shapeParams(values.shape));
  const rows = [];
  let worst = 0;
  for (const nThreads of ["1", "2"]) {
    const flags = ["--max-seq-len", CONTEXT, "--nthreads", nThreads, "--ignore-eos"];
    const child = dllama("inference", "-m", model, "-p", promptOf(PROMPT_TOKENS), ...flags);
    let [peak, errors] = [0, ""];
    const timer = setInterval(() => {
      // As long as there is no exit code, Node has not waited for it, and it is in /proc.
      if (child.exitCode === null) peak = Math.max(peak, memoryMib(child.pid, "RssAnon"));
    }, SAMPLE_MS);
    child.stdout.resume();
    child.stderr.on("data", (text) => (errors += text));
    const [code] = await once(child, "exit");
    clearInterval(timer);
    if (code !== 0) throw new Error(`a run ended with ${code}: ${errors}`);
    worst = Math.max(worst, peak - cache);
    rows.push([nThreads, ...[cache, peak, peak - cache].map((mib) => mib.toFixed(1))]);
  }
  printTable(["threads", "KV cache, MiB", "peak RssAnon, MiB", "peak - KV cache, MiB"], rows);
  printTarget(`${MOST_MIB} MiB`, worst < MOST_MIB);
});
