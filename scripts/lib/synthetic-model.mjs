/** Models of a given shape with random weights, for measurements: nothing is downloaded. */

import { randomFillSync } from "node:crypto";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

import { planConversion } from "../../packages/converter/dist/index.js";
import { root } from "./workspace.mjs";

/** Meta's params.json of some models. */
export const shapes = {
  "tinyllama-1.1b": { dim: 2048, n_layers: 22, n_heads: 32, n_kv_heads: 4 },
  "llama2-7b": { dim: 4096, n_layers: 32, n_heads: 32, n_kv_heads: 32 },
  /** Llama 2 7B with 8 of its 32 layers: 1.05 GiB in q40. */
  "llama2-7b-8-layers": { dim: 4096, n_layers: 8, n_heads: 32, n_kv_heads: 32 },
};
const COMMON = { multiple_of: 256, norm_eps: 1e-5, vocab_size: -1 };

/** A pool of random blocks that tensors repeat: a multiple of 18, 34 and 4 bytes, beyond any cache of L2. */
const POOL_BYTES = 18 * 34 * 4 * 4096;

/**
 * Writes a GGUF file and returns its path. The weights are random, and small enough that activations
 * stay finite through all layers.
 *
 * @param {string} folder where it may write
 * @param {keyof typeof shapes} shape
 * @param {"q40" | "f32"} type of its matrices
 * @param {number} [contextLength] positions. Defaults to what the checkpoint tells
 */
export async function writeSyntheticModel(folder, shape, type = "q40", contextLength) {
  const checkpoint = join(folder, shape);
  mkdirSync(checkpoint);
  writeFileSync(join(checkpoint, "params.json"), JSON.stringify({ ...COMMON, ...shapes[shape] }));
  const tokenizer = join(root, "fixtures/llama2-tokenizer.model");
  copyFileSync(tokenizer, join(checkpoint, "tokenizer.model"));
  const plan = await planConversion({ folder: checkpoint, type, contextLength });
  const pools = { q40: blocks(18), q80: blocks(34), f32: floats(() => Math.random() - 0.5) };
  const ones = floats(() => 1);
  const file = await open(plan.outputPath, "wx");
  try {
    await file.write(plan.header);
    for (const { offset, nBytes, type: stored, shape: sizes } of plan.tensors) {
      const pool = sizes.length === 1 ? ones : pools[stored];
      for (let done = 0; done < nBytes; done += pool.length) {
        await file.write(pool, 0, Math.min(pool.length, nBytes - done), offset + done);
      }
    }
  } finally {
    await file.close();
  }
  return plan.outputPath;
}

/** Blocks of an f16 scale of 2^-10 to 2^-9 and random quants. */
function blocks(blockBytes) {
  const pool = randomFillSync(Buffer.alloc(POOL_BYTES));
  for (let at = 0; at < pool.length; at += blockBytes) {
    pool.writeUInt16LE(0x1400 | (pool.readUInt16LE(at) & 0x03ff), at);
  }
  return pool;
}

function floats(value) {
  const pool = new Float32Array(POOL_BYTES / 4).map(value);
  return Buffer.from(pool.buffer);
}
