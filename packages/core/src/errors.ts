/**
 * The one error class of dllama's TypeScript. The code is stable: programs may match on it.
 * The message says what was expected and what came; the hint says what to do next.
 */

export type ErrorCode =
  /** An option or argument is out of range or of the wrong kind. */
  | "INVALID_ARGUMENT"
  /** A file or folder cannot be opened, read or written. */
  | "FILE_NOT_FOUND"
  | "FILE_UNREADABLE"
  | "FILE_EXISTS"
  | "NO_SPACE"
  /** The file is not a GGUF model, or breaks the format's rules. */
  | "NOT_A_MODEL"
  | "MODEL_MALFORMED"
  /** A well-formed model that this version cannot run. */
  | "MODEL_UNSUPPORTED"
  | "TOKENIZER_MALFORMED"
  | "TOKENIZER_UNSUPPORTED"
  | "TOKENIZER_MISMATCH"
  /** The model's weights are not of the type that was asked for. */
  | "WEIGHTS_MISMATCH"
  /** Weights that a worker received are not those that the root has hashed. */
  | "WEIGHTS_DAMAGED"
  /** A checkpoint to convert is incomplete or breaks its format's rules. */
  | "CHECKPOINT_MALFORMED"
  | "CHECKPOINT_UNSUPPORTED"
  /** A weight does not fit the type that it is converted to. */
  | "VALUE_OUT_OF_RANGE"
  /** The prompt does not fit the context. */
  | "CONTEXT_EXCEEDED"
  /** More ranks than attention units. */
  | "TOO_MANY_RANKS"
  | "OUT_OF_MEMORY"
  /** The native addon is missing for this platform or cannot be loaded. */
  | "ADDON_MISSING"
  /** The engine refused a Program, or a worker refused the root. */
  | "PROGRAM_INVALID"
  /** A weight, or a number that a model computes, is NaN, infinite or too large for its type. */
  | "NUMBER_NOT_FINITE"
  | "WORKER_UNREACHABLE"
  | "WORKER_REFUSED"
  | "WORKER_BUSY"
  /** There is no token, it cannot be used, or a worker has another. */
  | "TOKEN_MISSING"
  | "TOKEN_INVALID"
  | "TOKEN_MISMATCH"
  /** One side has a token, and the other was started with --insecure. */
  | "INSECURE_MISMATCH"
  | "PROTOCOL_MISMATCH"
  | "PEER_LOST"
  | "PEER_FAILED"
  /** A name that does not resolve, or an address that this device does not have. */
  | "ADDRESS_UNKNOWN"
  | "ADDRESS_IN_USE"
  | "DISPOSED"
  | "ABORTED"
  | "INTERNAL";

export interface DllamaErrorOptions {
  /** What the person can do next, as one sentence. */
  hint?: string | undefined;
  cause?: unknown;
}

export class DllamaError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: DllamaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "DllamaError";
    this.code = code;
    this.hint = options.hint;
  }
}
