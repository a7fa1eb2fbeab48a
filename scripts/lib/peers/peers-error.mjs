/** What stops a comparison. */

export class PeersError extends Error {
  /**
   * @param {"USAGE" | "NOT_SUPPORTED" | "INSTALL_FAILED" | "MEMORY_SHORT" | "CHILD_FAILED" | "NOT_COMPARABLE"} code
   * @param {string} message what was expected, and what came
   * @param {string} [hint] what to do next
   */
  constructor(code, message, hint) {
    super(hint === undefined ? message : `${message}. ${hint}`);
    this.name = "PeersError";
    this.code = code;
  }
}
