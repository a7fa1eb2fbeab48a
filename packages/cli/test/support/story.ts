/** The known answers of stories260K, and how a model does on its story. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Model } from "@dllama/core";

export const fixtures = fileURLToPath(new URL("../../../../fixtures/", import.meta.url));

interface Answers {
  greedy_ids: number[];
  logits: { position: number; token: number; top10: [number, number][] }[];
  story_mean_nll: number;
}

interface Expected {
  prompt: string;
  prompt_ids: number[];
  story_ids: number[];
  meta: Answers;
  "meta-mp2": Answers;
}

export const expected: Expected = JSON.parse(
  readFileSync(`${fixtures}stories260K/expected.json`, "utf8"),
);

/** Rows of a forward: at most those of a prefill chunk. */
const CHUNK = 64;

/** All logits at each position of `ids`, by exact rows. */
export async function allLogits(model: Model, ids: number[]): Promise<Float32Array[]> {
  const logits: Float32Array[] = [];
  for (let first = 0; first < ids.length; first += CHUNK) {
    const rows = ids.slice(first, first + CHUNK).map((token, i) => ({
      token,
      position: first + i,
      sequence: 0,
      want: "full" as const,
      temperature: 0,
    }));
    // oxlint-disable-next-line no-await-in-loop -- a sequence has an order
    const { rows: results } = await model.engine.forward("exact", rows);
    for (const row of results) logits.push(row?.all ?? new Float32Array());
  }
  return logits;
}

/** Mean of -ln p(next id) in nats; the first id is fed and not scored. */
export function meanNll(logits: Float32Array[], ids: number[]): number {
  let total = 0;
  for (let i = 0; i + 1 < ids.length; i++) {
    const row = logits[i] ?? new Float32Array();
    const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const sum = row.reduce((acc, logit) => acc + Math.exp(logit - max), 0);
    total += max + Math.log(sum) - (row[ids[i + 1] ?? -1] ?? Number.NaN);
  }
  return total / (ids.length - 1);
}

/** The ids of a greedy continuation. */
export async function greedyIds(model: Model, prompt: string, steps: number): Promise<number[]> {
  const ids: number[] = [];
  for await (const token of model.generate(prompt, { steps, temperature: 0, ignoreEos: true })) {
    ids.push(token.id);
  }
  return ids;
}
