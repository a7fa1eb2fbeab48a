/** From a prompt to text, a token at a time. */

import { randomInt } from "node:crypto";

import type { RankTimes } from "@dllama/bindings";

import { findHeldBack } from "../cluster/held-back.ts";
import type { FittedSplit } from "../cluster/held-back.ts";
import { rankReports, slowdowns } from "../cluster/rank-report.ts";
import type { Listener } from "../cluster/recovery/recovery.ts";
import { DllamaError } from "../errors.ts";
import { fromNative } from "../native-error.ts";
import { Sampler } from "../sampling/sampler.ts";
import type { StreamingDecoder } from "../tokenizer/streaming-decoder.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { Session } from "./session.ts";
import type { Computer } from "./session.ts";
import { Averages, perSecond, Stopwatch } from "./stopwatch.ts";
import type { GenerateOptions, PromptReport, StopReason, Summary, Token } from "./types.ts";

/** What a generation needs of its model. */
export interface GenerationContext {
  /** What computes, and goes on after a loss, in one generation. */
  computer: (listener: Listener) => Computer;
  tokenizer: Tokenizer;
  /** Part of the weights that each rank has now, in any unit. */
  shares: () => readonly number[];
  /** Which splits the ranks have memory for. */
  fitted: () => FittedSplit;
  /** Positions of the KV cache. */
  seqLen: number;
  /** Waits until no other generation runs; returns what frees the turn. */
  takeTurn: () => Promise<() => void>;
}

/** Tokens as they come: `for await (const token of generation)`. It can be iterated once. */
export class Generation implements AsyncIterable<Token> {
  /** The seed that repeats this text. */
  readonly seed: number;
  /** Set before the first token. */
  prompt: PromptReport | undefined;
  /** Set at the end. */
  summary: Summary | undefined;

  readonly #context: GenerationContext;
  readonly #text: string;
  readonly #options: GenerateOptions;
  readonly #sampler: Sampler;
  readonly #averages = new Averages();
  /** The last forward that was begun before its token was handed out. */
  #underWay: Promise<unknown> = Promise.resolve();
  readonly #stopped = new AbortController();
  #generated = 0;

  /** @throws DllamaError INVALID_ARGUMENT for an option out of range. */
  constructor(context: GenerationContext, prompt: string, options: GenerateOptions) {
    const { steps, temperature, topP, seed = randomInt(2 ** 48 - 1) } = options;
    if (steps !== undefined && !(Number.isSafeInteger(steps) && steps >= 1)) {
      throw new DllamaError("INVALID_ARGUMENT", `expected steps of 1 or more, got ${steps}`);
    }
    this.#context = context;
    this.#text = prompt;
    this.#options = options;
    this.#sampler = new Sampler({ temperature, topP, seed });
    this.seed = seed;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Token, void, undefined> {
    const ids = this.#promptIds();
    const freeTurn = await this.#context.takeTurn();
    try {
      yield* this.#run(ids);
    } finally {
      // Whoever stops in between waits for no worker that is gone. The forward that was begun they need not
      // wait for either, but the next turn does.
      this.#stopped.abort();
      void this.#underWay.then(freeTurn, freeTurn);
    }
  }

  async *#run(ids: number[]): AsyncGenerator<Token, void, undefined> {
    const { tokenizer } = this.#context;
    const { signal: wanted, onEvent } = this.#options;
    const signal =
      wanted === undefined ? this.#stopped.signal : AbortSignal.any([wanted, this.#stopped.signal]);
    const stopwatch = new Stopwatch();
    const computer = this.#context.computer({ signal, onEvent });
    const session = new Session(computer, stopwatch, { signal });
    const decoder = tokenizer.stream({ continues: this.#text !== "" });
    let stopReason: StopReason = "aborted";
    try {
      stopReason = yield* this.#tokens(ids, session, stopwatch, decoder);
    } catch (error) {
      // The signal has cut a recovery or a long forward short.
      if (!isAborted(signal) || error !== signal.reason) throw error;
    }
    const { isAnswering } = session;
    if (isAnswering) this.#underWay = session.settled;
    // What the engine is asked now, it answers after the forward that nobody waits for.
    const times = computer.isRecovering || isAnswering ? [] : await rankTimes(computer);
    this.#end(ids.length, stopReason, decoder, times);
  }

  async *#tokens(
    ids: number[],
    session: Session,
    stopwatch: Stopwatch,
    decoder: StreamingDecoder,
  ): AsyncGenerator<Token, StopReason, undefined> {
    const { tokenizer } = this.#context;
    const { signal } = this.#options;
    const sampler = this.#sampler;

    let row = await session.prefill(ids, sampler.temperature);
    if (row === undefined) return "aborted";
    this.prompt = { tokens: ids.length, text: this.#text, ...stopwatch.lap() };

    for (;;) {
      if (isAborted(signal)) return "aborted";
      // oxlint-disable-next-line no-await-in-loop -- each token depends on the one before
      const id = await session.sample(row, sampler);
      if (id === tokenizer.eosId && this.#options.ignoreEos !== true) return "eos";
      this.#generated++;
      const token = { id, text: decoder.push(id), ...stopwatch.lap() };
      if (this.#generated > 1) this.#averages.add(token);
      const limit = this.#limit(ids.length);
      const next =
        limit === undefined && !isAborted(signal)
          ? this.#begin(session.decode(id, sampler.temperature))
          : undefined;
      yield token;
      if (limit !== undefined) return limit;
      if (next === undefined || isAborted(signal)) return "aborted";
      // oxlint-disable-next-line no-await-in-loop -- see above
      row = await next;
    }
  }

  /** Why no token follows those that there are; undefined if one may. */
  #limit(promptTokens: number): StopReason | undefined {
    const { steps = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#generated >= steps) return "steps";
    return promptTokens + this.#generated >= this.#context.seqLen ? "context" : undefined;
  }

  /** Lets a forward go on while the caller has the token: its error waits, too, until somebody asks. */
  #begin<T>(forward: Promise<T>): Promise<T> {
    this.#underWay = forward;
    forward.catch(() => {});
    return forward;
  }

  /** BOS where the model expects it, and for an empty prompt: a model goes on from something. */
  #promptIds(): number[] {
    const { tokenizer, seqLen } = this.#context;
    const ids = tokenizer.encode(this.#text);
    if (tokenizer.addBos || ids.length === 0) ids.unshift(tokenizer.bosId);
    if (ids.length < seqLen) return ids;
    throw new DllamaError(
      "CONTEXT_EXCEEDED",
      `expected a prompt of fewer tokens than the context's ${seqLen}, got ${ids.length}`,
      { hint: "Shorten the prompt, or raise --max-seq-len where the model allows it." },
    );
  }

  #end(
    promptTokens: number,
    stopReason: StopReason,
    decoder: StreamingDecoder,
    times: readonly RankTimes[],
  ): void {
    const ranks = rankReports(times, this.#context.shares());
    const heldBack = findHeldBack(ranks, this.#context.fitted());
    this.summary = {
      ranks,
      heldBack,
      advice: [...(heldBack === undefined ? [] : [heldBack.text]), ...slowdowns(ranks)],
      promptTokens,
      generatedTokens: this.#generated,
      prefillTokensPerSecond: perSecond(promptTokens, this.prompt?.generationMs ?? 0),
      decodeTokensPerSecond: this.#averages.rate,
      stopReason,
      tail: decoder.flush(),
      averages: this.#averages.mean,
    };
  }
}

/** None if a rank is lost now: the text is complete, and the next generation sees to it. */
async function rankTimes(computer: Computer): Promise<RankTimes[]> {
  try {
    return await fromNative(computer.engine.rankTimes());
  } catch (error) {
    computer.noteLoss(error);
    return [];
  }
}

/** A call, so that the compiler does not take what it saw before an `await` for what is true after. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
