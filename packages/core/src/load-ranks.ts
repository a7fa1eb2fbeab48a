/** From an open model to an engine: a Program for each rank, the weights on their ranks. */

import { loadEngine } from "@dllama/bindings";
import type { Engine } from "@dllama/bindings";

import { loadAgreed } from "./cluster/agree.ts";
import type { PlanOptions } from "./cluster/agree.ts";
import type { SessionPlan } from "./cluster/session-plan.ts";
import { rootTrust } from "./cluster/trust.ts";
import type { TrustOptions } from "./cluster/trust.ts";
import { PREFILL_CHUNK } from "./generation/session.ts";
import type { OpenModel } from "./models/open-model.ts";
import { fromNative } from "./native-error.ts";
import type { Program } from "./program/generated/Program.ts";

/** How a model is shared out. */
export interface RankOptions extends PlanOptions, TrustOptions {
  /** `host:port` of the workers; the first is rank 1. Defaults to none. */
  workers?: readonly string[] | undefined;
  /** How partial sums go over the wire. Defaults to `q80`. */
  bufferFloatType?: "q80" | "f32" | undefined;
  /** How keys and values are kept. Defaults to `f16`. */
  kvCacheType?: "f16" | "q80" | "f32" | undefined;
  /** Told how many bytes of weights are ready on their ranks. */
  onProgress?: ((progress: { doneBytes: number; totalBytes: number }) => void) | undefined;
}

interface LoadRanksOptions extends RankOptions {
  /** The file that the model was opened from. */
  path: string;
  /** Threads of the root. */
  nthreads: number;
  /** Positions of the KV cache. */
  seqLen: number;
  /** Sequences side by side, each with as many positions. Defaults to `1`. */
  nSequences?: number | undefined;
}

/**
 * @throws DllamaError WORKER_UNREACHABLE, TOKEN_MISMATCH, OUT_OF_MEMORY, TOO_MANY_RANKS and the engine's
 *   others.
 */
export async function loadRanks(
  open: OpenModel,
  options: LoadRanksOptions,
): Promise<{ engine: Engine; programs: Program[]; plan: SessionPlan | undefined }> {
  const { path, workers = [], nthreads, seqLen, nSequences = 1 } = options;
  const programs = open.programs({
    worldSize: workers.length + 1,
    seqLen,
    nSequences,
    maxTokens: Math.max(nSequences, Math.min(PREFILL_CHUNK, seqLen)),
    bufferFloatType: options.bufferFloatType ?? "q80",
    kvCacheType: options.kvCacheType ?? "f16",
  });
  const engineOptions = {
    modelPath: path,
    programs: programs.map((program) => JSON.stringify(program)),
    workers: [...workers],
    // Alone there is nobody to trust.
    ...(workers.length === 0 ? {} : await rootTrust(options)),
    nThreads: nthreads,
  };
  const { engine, plan } = await loadAgreed({ ...options, path, workers }, (wanted) => {
    const planned = wanted === undefined ? engineOptions : { ...engineOptions, plan: wanted };
    return fromNative(loadEngine(planned, options.onProgress));
  });
  return { engine, programs, plan };
}
