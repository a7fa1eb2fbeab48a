/**
 * Long work on the main thread, in slices between which the event loop goes round: a window stays smooth
 * and a server answers while a model loads. Waiting for a promise alone lets nobody else in.
 */

import { setImmediate } from "node:timers/promises";

/** With the piece of work that overruns it, below the 5 ms that nobody may block the loop for. */
const SLICE_MS = 2;

export class TimeSlice {
  #end = performance.now() + SLICE_MS;

  /** Whether it is time to `await next()`. */
  get isOver(): boolean {
    return performance.now() >= this.#end;
  }

  /** Lets others run now: what follows is long enough to have a slice of its own. */
  async next(): Promise<void> {
    await setImmediate();
    this.#end = performance.now() + SLICE_MS;
  }
}
