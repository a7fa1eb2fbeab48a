/** The dllama library. */

export { DllamaError } from "./errors.ts";
export type { ErrorCode } from "./errors.ts";
export { encodeGgufHeader } from "./gguf/encode-header.ts";
export type { GgufFile, GgufTensor } from "./gguf/gguf-file.ts";
export { readGguf } from "./gguf/read-gguf.ts";
export { tensorBytes } from "./gguf/tensor-types.ts";
export type { GgufTensorType } from "./gguf/tensor-types.ts";
export type { GgufValue } from "./gguf/value.ts";
export { readTokenizer } from "./tokenizer/read-tokenizer.ts";
export type { Tokenizer } from "./tokenizer/tokenizer.ts";
export type { Vocabulary } from "./tokenizer/vocabulary.ts";
