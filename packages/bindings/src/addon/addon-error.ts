/** The error of an addon that is not there or does not load. */

/** What is wrong, and what the person can do next. */
export interface Explanation {
  readonly problem: string;
  readonly hint: string;
}

/** Has the name and the fields of `@dllama/core`'s error, which this package is below. */
export class AddonError extends Error {
  readonly code = "ADDON_MISSING";
  readonly hint: string;

  constructor(place: string, { problem, hint }: Explanation, cause?: unknown) {
    super(`the engine of dllama cannot be loaded on ${place}: ${problem}`, { cause });
    this.name = "DllamaError";
    this.hint = hint;
  }
}
