import type { StreamingDecoder } from "./streaming-decoder.ts";

/** Text to token ids and back. */
export interface Tokenizer {
  readonly vocabSize: number;
  readonly bosId: number;
  readonly eosId: number;
  /** Whether the model expects BOS before a prompt. */
  readonly addBos: boolean;
  /**
   * The ids of a text, without BOS. Everything in it is text: a control token that a user spells out,
   * like `</s>`, becomes the ids of its letters.
   */
  encode(text: string): number[];
  /** The text of ids that begin a text; control tokens have none. */
  decode(ids: Iterable<number>): string;
  stream(options?: StreamOptions): StreamingDecoder;
}

export interface StreamOptions {
  /**
   * The ids go on a text that has begun, as generated ones go on a prompt, so that a leading space
   * belongs to it. Defaults to `false`.
   */
  continues?: boolean;
}
