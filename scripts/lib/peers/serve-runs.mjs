/**
 * A child's side of the talk with its parent, over Node's IPC channel. The child loads its model once;
 * then the parent asks for one thing at a time:
 *
 * - `{ type: "fill", depth }`: that many fixed tokens into the KV cache, untimed; `{ type: "filled" }`
 * - `{ type: "run", ...case }`: one timed run; `{ type: "case", ...case, nThreads, runs: [tokens/s] }`
 *
 * @typedef {object} Runner
 * @property {(depth: number) => Promise<void>} fill
 * @property {(test: import("./cases.mjs").Case) => Promise<{ ms: number, leftOutMs?: number }>} run
 *   `leftOutMs`: what was spent besides, outside the library that is measured
 */

import { cpus } from "node:os";

import { timedTokens } from "./cases.mjs";

/** The parent's order. */
export const job = JSON.parse(process.argv[2]);

/**
 * @param {() => Promise<{ isa: string | null, runner: Runner }>} load
 */
export async function serveRuns(load) {
  // The parent is gone: nobody wants the rest.
  process.once("disconnect", () => process.exit(1));
  // A terminal sends Ctrl-C to the children, too: it is the parent who ends them.
  process.on("SIGINT", () => {});
  const reply = (message) => process.send(message);
  const guard = async (work) => {
    try {
      reply(await work());
    } catch (error) {
      reply({ type: "error", message: String(error?.stack ?? error) });
    }
  };

  let runner;
  await guard(async () => {
    const loaded = await load();
    runner = loaded.runner;
    return { type: "machine", processor: cpus()[0]?.model.trim() ?? process.arch, isa: loaded.isa };
  });
  process.on("message", ({ type, ...test }) =>
    guard(async () => {
      await runner.fill(test.depth);
      if (type === "fill") return { type: "filled" };
      const { ms, leftOutMs = 0 } = await runner.run(test);
      const runs = [(timedTokens(test) / ms) * 1000];
      return { type: "case", ...test, nThreads: job.nThreads, runs, leftOutShare: leftOutMs / ms };
    }),
  );
}
