/** Models of a given shape with random weights, for measurements: nothing is downloaded. */

import { randomFillSync } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";

import { planSyntheticModel } from "../../packages/converter/dist/index.js";
import { readTokenizer } from "../../packages/core/dist/index.js";
import { root } from "./workspace.mjs";

/** A pool of random blocks that tensors repeat: a multiple of 18, 34 and 4 bytes, beyond any cache of L2. */
const POOL_BYTES = 18 * 34 * 4 * 4096;

/**
 * Writes a GGUF file and returns its path. The weights are random, and small enough that activations
 * stay finite through all layers.
 *
 * @param {string} folder where it may write
 * @param {import("../../packages/converter/dist/synthetic/shapes.js").ShapeName} shape one with Llama
 *   2's vocabulary, so that texts have the tokens that they have there
 * @param {"q40" | "f32"} type of its matrices
 * @param {number} [contextLength] positions. Defaults to the shape's
 */
export async function writeSyntheticModel(folder, shape, type = "q40", contextLength) {
  const { vocabulary } = await readTokenizer(join(root, "fixtures/llama2-tokenizer.model"));
  const plan = planSyntheticModel({ shape, type, vocabulary, contextLength });
  const path = join(folder, `${shape}-${type}.gguf`);
  const pools = { q40: blocks(18), q80: blocks(34), f32: floats(() => Math.random() - 0.5) };
  const ones = floats(() => 1);
  const file = await open(path, "wx");
  try {
    await file.write(plan.header);
    for (const { offset, nBytes, type: stored, shape: sizes } of plan.tensors) {
      const pool = sizes.length === 1 ? ones : pools[stored];
      for (let done = 0; done < nBytes; done += pool.length) {
        if (pool !== ones) stamp(pool, offset + done);
        await file.write(pool, 0, Math.min(pool.length, nBytes - done), offset + done);
      }
    }
  } finally {
    await file.close();
  }
  return path;
}

/** Blocks of an f16 scale of 2^-10 to 2^-9 and random quants. */
function blocks(blockBytes) {
  const pool = randomFillSync(Buffer.alloc(POOL_BYTES));
  for (let at = 0; at < pool.length; at += blockBytes) {
    pool.writeUInt16LE(0x1400 | (pool.readUInt16LE(at) & 0x03ff), at);
  }
  return pool;
}

/**
 * Makes a pool other than it was, a value every 16 KiB or so: parts of a model that were equal would be one
 * to whoever goes by their hash.
 */
function stamp(pool, place) {
  for (let at = 0; at < pool.length; at += 18 * 34 * 4 * 8) {
    // Behind a block's scale, and the lower half of an f32.
    pool.writeUInt16LE((place / 32 + at) % 0xffff, at + 4);
  }
}

function floats(value) {
  const pool = new Float32Array(POOL_BYTES / 4).map(value);
  return Buffer.from(pool.buffer);
}
