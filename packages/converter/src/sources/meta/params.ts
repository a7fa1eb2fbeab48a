/** Meta's `params.json`: the shapes of a Llama, checked by hand so that each error names its field. */

import { DllamaError, parseJson } from "@dllama/core";
import { fileError } from "../../file-error.ts";
import { openRegular } from "../../regular-file.ts";

const MAX_FILE_BYTES = 2 ** 20;

/** A Llama's shapes and constants. Counts are of values, heads, layers or tokens. */
export interface LlamaParams {
  readonly dim: number;
  readonly hiddenDim: number;
  readonly nLayers: number;
  readonly nHeads: number;
  readonly nKvHeads: number;
  readonly headDim: number;
  /** -1 where only the tokenizer tells, as Meta ships it. */
  readonly vocabSize: number;
  readonly normEps: number;
  readonly ropeTheta: number;
  /** Undefined where the file gives none and nothing in it tells the model's. */
  readonly contextLength: number | undefined;
}

/** @throws {DllamaError} CHECKPOINT_MALFORMED, CHECKPOINT_UNSUPPORTED, FILE_NOT_FOUND */
export async function readParams(path: string): Promise<LlamaParams> {
  const bytes = await readBytes(path);
  let json: unknown;
  try {
    json = parseJson(bytes);
  } catch (error) {
    throw malformed(path, error instanceof Error ? error.message : String(error));
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw malformed(path, "a JSON object was expected");
  }
  return parseParams(path, new Map(Object.entries(json)));
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const file = await openRegular(path);
    try {
      const { size } = await file.stat();
      if (size <= MAX_FILE_BYTES) return await file.readFile();
      throw malformed(path, `${size} bytes; at most ${MAX_FILE_BYTES} were expected`);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(path, error);
  }
}

/** The upper ends are far beyond any model, and low enough that every size stays exact. */
function parseParams(path: string, json: ReadonlyMap<string, unknown>): LlamaParams {
  const fields = new Fields(path, json);
  const dim = fields.integer("dim", 1, 2 ** 17);
  const nLayers = fields.integer("n_layers", 1, 2 ** 10);
  const nHeads = fields.integer("n_heads", 1, 2 ** 12);
  const nKvHeads = fields.integer("n_kv_heads", 1, nHeads, nHeads);
  const multipleOf = fields.integer("multiple_of", 1, 2 ** 17, 256);
  const ffnDimMultiplier = fields.number("ffn_dim_multiplier", 2 ** -4, 2 ** 4, 1);
  const normEps = fields.number("norm_eps", 1e-12, 1e-1);
  const ropeTheta = fields.number("rope_theta", 1, 1e12, 10_000);
  const vocabSize = fields.integer("vocab_size", -1, 2 ** 22, -1);
  const maxSeqLen = fields.integer("max_seq_len", 0, 2 ** 24, 0);

  const headDim = dim / nHeads;
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) {
    throw malformed(path, `dim ${dim} by n_heads ${nHeads} gives no even head size`);
  }
  if (nHeads % nKvHeads !== 0) {
    throw malformed(path, `n_heads ${nHeads} is no multiple of n_kv_heads ${nKvHeads}`);
  }
  if (vocabSize === 0) throw malformed(path, "vocab_size is 0");
  if (json.get("use_scaled_rope") === true) {
    throw new DllamaError(
      "CHECKPOINT_UNSUPPORTED",
      `${path}: use_scaled_rope, Llama 3.1's stretched RoPE, cannot be converted yet`,
      { hint: "Llama 2 and Code Llama checkpoints can." },
    );
  }
  const hiddenDim = hiddenDimOf(dim, ffnDimMultiplier, multipleOf);
  if (hiddenDim === 0) throw malformed(path, `dim ${dim} gives a feed-forward layer of width 0`);
  return {
    dim,
    hiddenDim,
    nLayers,
    nHeads,
    nKvHeads,
    headDim,
    vocabSize,
    normEps,
    ropeTheta,
    contextLength: maxSeqLen > 0 ? maxSeqLen : trainedContextLength(normEps, ropeTheta),
  };
}

/** Meta's rule, llama/model.py: FeedForward. It truncates after each product. */
function hiddenDimOf(dim: number, ffnDimMultiplier: number, multipleOf: number): number {
  const twoThirds = Math.trunc((2 * 4 * dim) / 3);
  return Math.ceil(Math.trunc(ffnDimMultiplier * twoThirds) / multipleOf) * multipleOf;
}

/** The file has no field for it; what else is in it tells Code Llama, Llama 2 and Llama 1 apart. */
function trainedContextLength(normEps: number, ropeTheta: number): number | undefined {
  if (ropeTheta === 1e6) return 16_384;
  if (normEps === 1e-5) return 4096;
  if (normEps === 1e-6) return 2048;
  return undefined;
}

class Fields {
  readonly #path: string;
  readonly #json: ReadonlyMap<string, unknown>;

  constructor(path: string, json: ReadonlyMap<string, unknown>) {
    this.#path = path;
    this.#json = json;
  }

  number(name: string, low: number, high: number, absent?: number): number {
    const value = this.#json.get(name) ?? absent;
    if (typeof value !== "number" || !(value >= low && value <= high)) {
      const got = value === undefined ? "is missing" : `is ${JSON.stringify(value).slice(0, 80)}`;
      throw malformed(this.#path, `${name} ${got}; a number from ${low} to ${high} was expected`);
    }
    return value;
  }

  integer(name: string, low: number, high: number, absent?: number): number {
    const value = this.number(name, low, high, absent);
    if (!Number.isInteger(value)) {
      throw malformed(this.#path, `${name} is ${value}; a whole number was expected`);
    }
    return value;
  }
}

function malformed(path: string, says: string): DllamaError {
  return new DllamaError("CHECKPOINT_MALFORMED", `${path}: ${says}`, {
    hint: "Mend it, or fetch params.json again from the model's publisher.",
  });
}
