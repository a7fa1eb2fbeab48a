/** The dllama library: run large language models on one device or several. */

export { benchmark } from "./benchmark/benchmark.ts";
export type { BenchmarkMachine, BenchmarkOptions, BenchmarkResult } from "./benchmark/benchmark.ts";
export { planTests, positionsNeeded } from "./benchmark/cases.ts";
export type { BenchmarkTest, TestLists } from "./benchmark/cases.ts";
export type { HeldBack } from "./cluster/held-back.ts";
export type { RankReport } from "./cluster/rank-report.ts";
export type { ClusterEvent, LossOptions, OnLost } from "./cluster/recovery/recovery.ts";
export { DEFAULT_PORT, serveWorker } from "./cluster/serve-worker.ts";
export type { RunningWorker, WorkerEvent, WorkerOptions } from "./cluster/serve-worker.ts";
export type { LoadProgress, WeightSources } from "@dllama/bindings";
export type { AllReduceChoice, SessionPlan } from "./cluster/session-plan.ts";
export type { SplitChoice } from "./cluster/split.ts";
export type { PlannedSplit } from "./planning/model-plan.ts";
export type { FoundToken, TrustOptions } from "./cluster/trust.ts";
export { endProcess, explainBusErrors } from "@dllama/bindings";
export { DllamaError } from "./errors.ts";
export type { ErrorCode } from "./errors.ts";
export { Generation } from "./generation/generation.ts";
export type {
  Figures,
  GenerateOptions,
  PromptReport,
  StopReason,
  Summary,
  Token,
} from "./generation/types.ts";
export { foreignFormat, HEAD_BYTES } from "./gguf/foreign-formats.ts";
export { encodeGgufHeader } from "./gguf/encode-header.ts";
export type { GgufFile, GgufTensor } from "./gguf/gguf-file.ts";
export { readGguf } from "./gguf/read-gguf.ts";
export { tensorBytes } from "./gguf/tensor-types.ts";
export type { GgufTensorType } from "./gguf/tensor-types.ts";
export type { GgufValue } from "./gguf/value.ts";
export { embeddedModelPath } from "./embedded-model.ts";
export { loadModel } from "./load-model.ts";
export type { LoadOptions } from "./load-model.ts";
export type { SharedRank } from "./load-ranks.ts";
export { Model } from "./model.ts";
export type { ModelInfo } from "./model.ts";
export { decodeText, parseJson } from "./parse-json.ts";
export { BOARDS } from "./planning/boards.ts";
export type { Board } from "./planning/boards.ts";
export { boardByName, devicesFromJson } from "./planning/devices.ts";
export type { Device } from "./planning/devices.ts";
export { LINKS, readLink } from "./planning/links.ts";
export type { Link } from "./planning/links.ts";
export { memoryParts } from "./planning/memory-parts.ts";
export { planModel } from "./planning/model-plan.ts";
export type { ModelPlan, PlanModelOptions } from "./planning/model-plan.ts";
export type { RankPlan } from "./planning/split-trial.ts";
export { readTokenizer } from "./tokenizer/read-tokenizer.ts";
export type { Tokenizer } from "./tokenizer/tokenizer.ts";
export type { Vocabulary } from "./tokenizer/vocabulary.ts";
