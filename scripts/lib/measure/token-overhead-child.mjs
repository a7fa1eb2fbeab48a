/** One generation as `dllama inference` makes it, and the means of its tokens on descriptor 3. */

import { writeSync } from "node:fs";

import { runWriters } from "../../../packages/cli/dist/output/formats.js";
import { Ranks } from "../../../packages/core/dist/cluster/ranks.js";
import { loadModel, Model } from "../../../packages/core/dist/index.js";
import { OverheadLedger } from "./overhead-ledger.mjs";

/** Tokens that compile the JavaScript. */
const WARM_UP = 50;

const steps = Number(process.argv[2]);
const ledger = new OverheadLedger();
const loaded = await loadModel({ nthreads: 1 });
/** The engine, with an ear at what its forwards report. */
const engine = {
  isa: loaded.engine.isa,
  forward: async (...args) => {
    const result = await loaded.engine.forward(...args);
    ledger.add(result);
    return result;
  },
  fullRow: (index) => loaded.engine.fullRow(index),
  rankTimes: () => loaded.engine.rankTimes(),
};
const ranks = new Ranks({ engine, workers: [], plan: undefined, shares: [1] });
const model = new Model(ranks, loaded.tokenizer, loaded.info, {});
const write = (text) => process.stdout.write(text);
const writer = runWriters.report({ write, isTerminal: false, echo: false });

const generation = model.generate("Once upon a time", { steps, seed: 1, ignoreEos: true });
writer.start({ info: model.info, seed: 1, bufferFloatType: "q80", kvCacheType: "f16" });
let n = 0;
for await (const token of generation) {
  if (n === 0) writer.prompt(generation.prompt);
  writer.token(token);
  n++;
  if (n === WARM_UP) ledger.start(performance.now());
}
const means = ledger.means(n - WARM_UP, performance.now());
writer.summary(generation.summary);
writeSync(3, JSON.stringify(means));
await loaded.dispose();
