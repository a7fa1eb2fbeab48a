/** From a file to a loaded model. */

import { chooseSeqLen } from "./choose-seq-len.ts";
import { Ranks } from "./cluster/ranks.ts";
import type { LoadedRanks } from "./cluster/ranks.ts";
import { loadDespiteLosses } from "./cluster/recovery/loading.ts";
import type { LoadLossOptions } from "./cluster/recovery/loading.ts";
import { requireLossOptions } from "./cluster/recovery/recovery.ts";
import { splitOfThoseLeft } from "./cluster/split.ts";
import { weightShares } from "./cluster/weight-shares.ts";
import { findEmbeddedModel } from "./embedded-model.ts";
import { DllamaError } from "./errors.ts";
import { MetadataView } from "./gguf/metadata-view.ts";
import type { GgufFile } from "./gguf/gguf-file.ts";
import { readGguf } from "./gguf/read-gguf.ts";
import { loadRanks } from "./load-ranks.ts";
import type { RankOptions } from "./load-ranks.ts";
import { Model } from "./model.ts";
import { openModel } from "./models/model-family.ts";
import type { OpenModel } from "./models/open-model.ts";
import { physicalCores } from "./physical-cores.ts";
import { requireCount } from "./require-count.ts";
import { TimeSlice } from "./time-slice.ts";
import { tokenizerFromGguf } from "./tokenizer/gguf-vocabulary.ts";
import { readTokenizer } from "./tokenizer/read-tokenizer.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

export interface LoadOptions extends RankOptions, LoadLossOptions {
  /** A GGUF file. Defaults to the embedded model. */
  path?: string | undefined;
  /** Threads of the root. Defaults to the physical cores that this process may use. */
  nthreads?: number | undefined;
  /** Positions of prompt and continuation. Defaults to the smaller of the model's and 4096. */
  maxSeqLen?: number | undefined;
  /** A `tokenizer.model` or llama2.c's `.bin` in place of the file's tokenizer. */
  tokenizer?: string | undefined;
  /** What the file's weights are expected to be. Defaults to whatever they are. */
  weightsFloatType?: "q40" | "q80" | "f16" | "f32" | undefined;
}

/**
 * Loads a model on this device and its workers.
 *
 * @throws DllamaError with a code and a hint.
 */
export async function loadModel(options: LoadOptions = {}): Promise<Model> {
  const { path = findEmbeddedModel(), nthreads = physicalCores() } = options;
  requireCount("nthreads", nthreads);
  const file = await readGguf(path);
  const slice = new TimeSlice();
  await slice.next();
  const open = await openModel(file);
  await slice.next();
  requireFloatType(file, open, options.weightsFloatType);
  const tokenizer = await findTokenizer(file, open, options.tokenizer);
  const seqLen = chooseSeqLen(open, options.maxSeqLen);
  requireLossOptions(options);
  const { workers: all = [] } = options;
  const load = async (workers: readonly string[]): Promise<LoadedRanks> => {
    const split = splitOfThoseLeft(options.split ?? "auto", all, workers);
    const shared = { ...options, path, workers, split, nthreads, seqLen };
    const { engine, programs, plan, fitted } = await loadRanks(open, shared);
    return { engine, plan, workers, fitted, shares: weightShares(programs) };
  };
  const ranks = new Ranks(await loadDespiteLosses(all, load, options), load);
  const info = {
    path,
    name: new MetadataView(file).string("general.name", "model"),
    nthreads,
    seqLen,
    contextLength: open.contextLength,
    vocabSize: open.vocabSize,
    weightsFloatType: open.floatType,
    weightBytes: open.weightBytes,
  };
  return new Model(ranks, tokenizer, info, options);
}

function requireFloatType(file: GgufFile, open: OpenModel, expected: string | undefined): void {
  if (expected === undefined || expected === open.floatType) return;
  throw new DllamaError(
    "WEIGHTS_MISMATCH",
    `${file.path}: expected weights of type ${expected}, got ${open.floatType}`,
    { hint: "Leave --weights-float-type out: the file says what its weights are." },
  );
}

async function findTokenizer(
  file: GgufFile,
  open: OpenModel,
  path: string | undefined,
): Promise<Tokenizer> {
  const tokenizer = await (path === undefined ? tokenizerFromGguf(file) : readTokenizer(path));
  if (tokenizer.vocabSize === open.vocabSize) return tokenizer;
  throw new DllamaError(
    "TOKENIZER_MISMATCH",
    `${path ?? file.path}: expected a tokenizer of the model's ${open.vocabSize} tokens, got ${tokenizer.vocabSize}`,
    { hint: "Use the tokenizer that the model was trained with." },
  );
}
