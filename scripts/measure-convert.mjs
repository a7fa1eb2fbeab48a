/**
 * Measures the compiled converter on a made checkpoint of 4.3 GiB: peak memory, time, rate.
 *
 *     npx tsc -b packages/converter && node --import tsx scripts/measure-convert.mjs [TYPE]
 *
 * Linux only: the peak is VmHWM from /proc. Needs 7 GiB in the system's temporary folder, which it
 * gives back. The checkpoint is in the page cache, so the rate is the converter's, not the disk's.
 */

import { execFileSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";

import { shapesOf } from "../packages/converter/test/synthetic/checkpoint.ts";
import { stateDictionary } from "../packages/converter/test/synthetic/pickle.ts";
import { writeZip } from "../packages/converter/test/synthetic/zip.ts";

const MIB = 2 ** 20;
const root = new URL("../", import.meta.url);

/** Llama 2 7B with 10 of its 32 layers. */
const params = {
  dim: 4096,
  n_layers: 10,
  n_heads: 32,
  n_kv_heads: 32,
  multiple_of: 256,
  norm_eps: 1e-5,
  vocab_size: -1,
};
const VOCAB_SIZE = 32_000;

/** 16 MiB of random bf16 values of both signs, 2^-6 to 4 in magnitude. */
function randomValues() {
  const values = randomFillSync(new Uint16Array(8 * MIB));
  for (const [n, bits] of values.entries()) values[n] = (bits & 0x8000) | (0x3c80 + (bits & 0x3ff));
  return new Uint8Array(values.buffer);
}

async function writeCheckpoint(folder) {
  mkdirSync(folder);
  writeFileSync(join(folder, "params.json"), JSON.stringify(params));
  const tokenizer = new URL("fixtures/llama2-tokenizer.model", root);
  copyFileSync(tokenizer, join(folder, "tokenizer.model"));
  const tensors = shapesOf(params, VOCAB_SIZE).map(([name, shape], key) => {
    const nValues = shape.reduce((product, size) => product * size, 1);
    return { name, storage: "BFloat16Storage", key: String(key), nValues, shape };
  });
  const data = randomValues();
  const path = join(folder, "consolidated.00.pth");
  await writeZip(path, [
    { name: "part/data.pkl", data: stateDictionary(tensors) },
    ...tensors.map(({ key, nValues }) => ({ name: `part/data/${key}`, data, nBytes: 2 * nValues })),
  ]);
  return statSync(path).size;
}

/** Runs in a process of its own, so that its peak is the converter's. */
const CHILD = `
  import { readFileSync } from "node:fs";
  import { convert } from ${JSON.stringify(new URL("packages/converter/dist/index.js", root).href)};
  const [folder, type, output] = process.argv.slice(1);
  const start = performance.now();
  const { nBytes } = await convert({ folder, type, output });
  const seconds = (performance.now() - start) / 1000;
  const [, peakKib] = /VmHWM:\\s+(\\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"));
  console.log(JSON.stringify({ nBytes, seconds, peakMib: Number(peakKib) / 1024 }));
`;

const type = process.argv[2] ?? "q40";
const work = mkdtempSync(join(tmpdir(), "dllama-measure-convert-"));
try {
  const folder = join(work, "model");
  const sourceBytes = await writeCheckpoint(folder);
  const args = ["--input-type=module", "-e", CHILD, folder, type, join(work, "model.gguf")];
  const result = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
  const { nBytes, seconds, peakMib } = result;
  console.log(
    `machine     ${cpus()[0]?.model}, ${availableParallelism()} cores, Node ${process.version}`,
  );
  console.log(
    `checkpoint  ${(sourceBytes / MIB / 1024).toFixed(2)} GiB bf16 -> ${type} ${(nBytes / MIB / 1024).toFixed(2)} GiB`,
  );
  console.log(
    `time        ${seconds.toFixed(1)} s, ${(sourceBytes / 1e6 / seconds).toFixed(0)} MB/s read, ${(nBytes / 1e6 / seconds).toFixed(0)} MB/s written`,
  );
  console.log(`peak memory ${peakMib.toFixed(0)} MiB`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
