/**
 * One sequence on an engine: its tokens in, candidates out, figures counted.
 *
 * When the engine fails and another takes its place, with an empty KV cache, the session feeds it all
 * that was fed before: the prompt in the same chunks as `fast` rows, generated tokens as `exact` ones, which
 * may come many at a time. The cache then has the same bits, and the forward that had failed gives what it
 * would have given (decision 0022).
 */

import type { Engine, ForwardResult, ForwardRow, RowClass, RowResult } from "@dllama/bindings";

import { unlessAborted } from "../cluster/recovery/unless-aborted.ts";
import { DllamaError } from "../errors.ts";
import { fromNative } from "../native-error.ts";
import type { Sampler } from "../sampling/sampler.ts";
import { requireFinite } from "./require-finite.ts";

/**
 * Rows of a prefill chunk. Chunks begin at fixed multiples of it, so that a replay makes the same
 * ones; 64 rows amortise a pass over the weights, at 0.25 MB of buffers a row for Llama 2 7B.
 */
export const PREFILL_CHUNK = 64;

/**
 * How long a forward may still take when its signal is aborted. One of a small model ends in time, so that the
 * ranks can be asked for their figures; a row of a large one takes minutes on a small board.
 */
const GRACE_MS = 500;

/** Is told of each forward. */
export interface ForwardCounter {
  add(result: ForwardResult): void;
}

/** What a session computes on. */
export interface Computer {
  readonly engine: Engine;
  /** An engine with an empty KV cache in place of one that failed with `error`; throws if there is none. */
  recover(error: unknown): Promise<Engine>;
  /** What had failed is done, on another engine. */
  recovered(): void;
  /** Between the two. */
  readonly isRecovering: boolean;
  /** Remembers an error that nobody recovers from now, for those who meet an engine that has ended. */
  noteLoss(error: unknown): void;
}

/** An engine whose errors are final. */
export function unrecoverable(engine: Engine): Computer {
  // oxlint-disable-next-line require-await -- what it throws has to be a rejection
  const recover = async (error: unknown): Promise<never> => {
    throw error;
  };
  return { engine, recover, recovered() {}, isRecovering: false, noteLoss() {} };
}

/** A forward. */
interface Feed {
  rowClass: RowClass;
  ids: number[];
  position: number;
  /** For the candidates of its last row; undefined if nothing is wanted. */
  temperature: number | undefined;
}

export class Session {
  readonly #computer: Computer;
  readonly #counter: ForwardCounter;
  readonly #sequence: number;
  readonly #signal: AbortSignal | undefined;
  #engine: Engine;
  /** What is in the KV cache. */
  #fed: Feed[] = [];
  /** Positions that are in the KV cache. */
  #position: number;
  /** Whether an engine still has a question that this session has asked, even if nobody waits for the answer. */
  isAnswering = false;
  /** Fulfilled when it has answered. */
  settled: Promise<void> = Promise.resolve();

  /**
   * `position`: how many of the sequence's first tokens an earlier session has left in the cache, which a
   * `computer` that recovers cannot have; `sequence`: which of those that the Program holds; `signal` ends
   * a replay, and the wait for a long forward, with its reason.
   */
  constructor(
    computer: Computer,
    counter: ForwardCounter,
    { position = 0, sequence = 0, signal }: SessionOptions = {},
  ) {
    this.#computer = computer;
    this.#counter = counter;
    this.#sequence = sequence;
    this.#signal = signal;
    this.#engine = computer.engine;
    this.#position = position;
  }

  get position(): number {
    return this.#position;
  }

  /**
   * Feeds a prompt in chunks and returns what follows its last token; undefined if the signal is
   * aborted before the end.
   */
  async prefill(ids: number[], temperature: number): Promise<RowResult | undefined> {
    let last: RowResult | undefined;
    for (let first = 0; first < ids.length; first += PREFILL_CHUNK) {
      if (this.#signal?.aborted === true) return undefined;
      const chunk = ids.slice(first, first + PREFILL_CHUNK);
      const isLast = first + chunk.length === ids.length;
      // oxlint-disable-next-line no-await-in-loop -- each chunk attends to those before it
      const result = await this.#feed("fast", chunk, isLast ? temperature : undefined);
      last = result.rows[0];
    }
    return last;
  }

  /** Feeds one generated token and returns what follows it. */
  async decode(id: number, temperature: number): Promise<RowResult> {
    const { rows } = await this.#feed("exact", [id], temperature);
    if (rows[0] === undefined) throw new DllamaError("INTERNAL", "a forward gave no candidates");
    return rows[0];
  }

  /** The next token's id. The whole row of logits is fetched only if the sampler needs it. */
  async sample(row: RowResult, sampler: Sampler): Promise<number> {
    const id = sampler.pick(row);
    return id ?? sampler.pickFull(await this.#persist((engine) => engine.fullRow(0)));
  }

  async #feed(
    rowClass: RowClass,
    ids: number[],
    temperature: number | undefined,
  ): Promise<ForwardResult> {
    const feed = { rowClass, ids, position: this.#position, temperature };
    const result = await this.#persist((engine) => this.#forward(engine, feed));
    this.#fed.push(feed);
    this.#position += ids.length;
    return result;
  }

  async #forward(
    engine: Engine,
    { rowClass, ids, position, temperature }: Feed,
  ): Promise<ForwardResult> {
    const rows = ids.map((token, index): ForwardRow => ({
      token,
      position: position + index,
      sequence: this.#sequence,
      want: temperature !== undefined && index === ids.length - 1 ? "candidates" : "none",
      temperature: temperature ?? 0,
    }));
    const result = requireFinite(await engine.forward(rowClass, rows));
    this.#counter.add(result);
    return result;
  }

  /** Asks an engine, and when it fails the one that takes its place, until one answers. */
  async #persist<T>(ask: (engine: Engine) => Promise<T>): Promise<T> {
    let isEmpty = false;
    for (;;) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
        if (isEmpty) await this.#replay();
        // oxlint-disable-next-line no-await-in-loop -- see above
        const answer = await this.#answer(fromNative(ask(this.#engine)));
        if (isEmpty) this.#computer.recovered();
        return answer;
      } catch (error) {
        if (this.#signal?.aborted === true && error === this.#signal.reason) throw error;
        // oxlint-disable-next-line no-await-in-loop -- see above
        this.#engine = await this.#computer.recover(error);
        isEmpty = true;
      }
    }
  }

  /** An answer, unless it is given up for. */
  async #answer<T>(asked: Promise<T>): Promise<T> {
    if (this.#signal === undefined) return asked;
    this.isAnswering = true;
    const answered = (): void => void (this.isAnswering = false);
    this.settled = asked.then(answered, answered);
    return this.#signal.aborted ? asked : unlessAborted(asked, this.#signal, GRACE_MS);
  }

  /** Feeds an empty cache again. The last row wants what it wanted: its logits may be asked for. */
  async #replay(): Promise<void> {
    this.#fed = merged(this.#fed);
    for (const feed of this.#fed) {
      this.#signal?.throwIfAborted();
      // oxlint-disable-next-line no-await-in-loop -- each forward attends to those before it
      await fromNative(this.#forward(this.#engine, feed));
    }
  }
}

interface SessionOptions {
  position?: number;
  sequence?: number;
  signal?: AbortSignal | undefined;
}

/** Exact rows that follow each other, as many a forward as a chunk has: their bits stay the same. */
function merged(fed: readonly Feed[]): Feed[] {
  const feeds: Feed[] = [];
  for (const feed of fed) {
    const last = feeds.at(-1);
    const fits = last !== undefined && last.ids.length + feed.ids.length <= PREFILL_CHUNK;
    if (fits && last.rowClass === "exact" && feed.rowClass === "exact") {
      feeds[feeds.length - 1] = {
        ...feed,
        ids: [...last.ids, ...feed.ids],
        position: last.position,
      };
    } else feeds.push(feed);
  }
  return feeds;
}
