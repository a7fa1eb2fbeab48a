/** An engine that fails when the test says, as one that has lost a rank does. */

import type { Engine } from "@dllama/bindings";

import { mayPass } from "../../src/cluster/recovery/loss.ts";
import type { Computer } from "../../src/generation/session.ts";
import { fromNative } from "../../src/native-error.ts";

/** How an engine failed: before the ranks did what they were asked for, or after. */
const HOWS = ["before", "after"] as const;

export class FaultyComputer implements Computer {
  readonly engine: Engine;
  /** Calls of the engine so far, replays among them. */
  nCalls = 0;
  nRecovered = 0;
  /** `fullRow` calls among the calls. */
  nFullRows = 0;
  readonly #real: Engine;
  readonly #failing: (nCall: number) => boolean;

  /** `failing` says which calls fail, from 0. */
  constructor(real: Engine, failing: (nCall: number) => boolean) {
    this.#real = real;
    this.#failing = failing;
    this.engine = Object.create(real);
    this.engine.forward = (rowClass, rows) => this.#call(() => real.forward(rowClass, rows));
    this.engine.fullRow = (index) => {
      this.nFullRows++;
      return this.#call(() => real.fullRow(index));
    };
  }

  async recover(error: unknown): Promise<Engine> {
    if (!(error instanceof OnPurpose)) throw error;
    for (;;) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- workers may still be busy with the session that ends
        await fromNative(this.#real.reconnect(5000));
        return this.engine;
      } catch (failure) {
        if (!mayPass(failure)) throw failure;
      }
    }
  }

  readonly isRecovering = false;

  noteLoss(): void {}

  recovered(): void {
    this.nRecovered++;
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    const nCall = this.nCalls++;
    const fails = this.#failing(nCall);
    if (fails && HOWS[nCall % 2] === "before") throw new OnPurpose();
    const answer = await call();
    if (fails) throw new OnPurpose();
    return answer;
  }
}

class OnPurpose extends Error {}
