/** A model of random weights that are all different, in which each matrix has several units of transfer. */

import { open } from "node:fs/promises";
import { planSyntheticModel } from "@dllama/converter";

/** Some 13 MB of F32, whose rows of 256 values make units of 128 KiB. */
export async function writeRandomModel(path: string, seed: number): Promise<void> {
  const { header, tensors } = planSyntheticModel({ shape: "tiny", type: "f32" });
  const next = generator(seed);
  const file = await open(path, "wx");
  try {
    await file.write(header);
    for (const { offset, nBytes } of tensors) {
      const values = Float32Array.from({ length: nBytes / 4 }, next);
      await file.write(new Uint8Array(values.buffer), 0, nBytes, offset);
    }
  } finally {
    await file.close();
  }
}

/** Values from -0.05 to 0.05: xorshift32 (Marsaglia, 2003). */
function generator(seed: number): () => number {
  let state = seed * 2 + 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state / 2 ** 31) * 0.05;
  };
}
