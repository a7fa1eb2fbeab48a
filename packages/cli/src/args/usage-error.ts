/**
 * The command line is wrong: exit code 2. Everything that needed a file, the network or the model
 * is a DllamaError.
 */
export class UsageError extends Error {
  /** What to type instead, as one sentence. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
}
