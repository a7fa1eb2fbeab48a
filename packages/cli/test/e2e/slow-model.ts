/**
 * A model that takes long enough to be interrupted: Llama's tensors, all zero, in a sparse file that
 * takes no room on the disk. Every token is the first of the vocabulary.
 */

import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { planConversion } from "@dllama/converter";
import { fixtures } from "./harness.ts";

/** 270 MB of weights in f32: some tens of milliseconds a token, for 4096 tokens. */
const PARAMS = {
  dim: 1024,
  n_layers: 4,
  n_heads: 16,
  vocab_size: -1,
  multiple_of: 256,
  ffn_dim_multiplier: 1.5,
  norm_eps: 1e-5,
};

export async function makeSlowModel(folder: string): Promise<string> {
  const checkpoint = join(folder, "slow");
  await mkdir(checkpoint);
  await writeFile(join(checkpoint, "params.json"), JSON.stringify(PARAMS));
  const plan = await planConversion({
    folder: checkpoint,
    type: "f32",
    tokenizer: join(fixtures, "stories260K/meta/tokenizer.model"),
    contextLength: 4096,
  });
  const file = await open(plan.outputPath, "wx");
  await file.write(plan.header);
  await file.truncate(plan.nBytes);
  await file.close();
  return plan.outputPath;
}
