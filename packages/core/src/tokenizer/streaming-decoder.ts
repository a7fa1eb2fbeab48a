/**
 * Ids to text, one at a time. A character whose bytes come in several ids is held back until it is
 * whole; bytes that can no longer become one turn into U+FFFD, as the WHATWG encoding standard has it.
 */
import { DllamaError } from "../errors.ts";
import type { Surfaces } from "./surfaces.ts";

export class StreamingDecoder {
  readonly #surfaces: Surfaces;
  readonly #bytes = new TextDecoder("utf-8", { ignoreBOM: true });
  /** The space that encoding put in front of the text is still to come. */
  #dropsSpace: boolean;

  constructor(surfaces: Surfaces, dropsLeadingSpace: boolean) {
    this.#surfaces = surfaces;
    this.#dropsSpace = dropsLeadingSpace;
  }

  /**
   * The text that this id completes, which may be none.
   *
   * @throws DllamaError INVALID_ARGUMENT for an id that the vocabulary does not have.
   */
  push(id: number): string {
    const surface = this.#surfaces.of(id);
    if (surface === undefined) {
      throw new DllamaError(
        "INVALID_ARGUMENT",
        `expected a token id below ${this.#surfaces.size}, got ${id}`,
      );
    }
    if (surface === "") return "";
    const dropsSpace = this.#dropsSpace;
    this.#dropsSpace = false;
    if (typeof surface === "number") {
      return this.#bytes.decode(Uint8Array.of(surface), { stream: true });
    }
    return this.flush() + (dropsSpace && surface.startsWith(" ") ? surface.slice(1) : surface);
  }

  /** U+FFFD if the ids ended inside a character, else "". */
  flush(): string {
    return this.#bytes.decode();
  }
}
