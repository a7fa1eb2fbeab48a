/**
 * Stories with faults in them: each is told undisturbed first, and has to come out the same with a fault at a
 * random time. One fault at a time, so that each is seen to be recovered from.
 */

import { Cluster } from "./cluster.mjs";
import { kinds } from "./kinds/index.mjs";
import { oneOf, wholeBetween } from "./random.mjs";
import { StoryTeller } from "./story-teller.mjs";

/** A story with its faults takes seconds; whatever takes longer than this hangs. */
const HANG_MS = 120_000;
/** The embedded model's context, less a prompt. */
const STEPS = 450;
const STORIES_A_SETTING = 3;

/** How a model is shared: the faults are divided among these. */
const SETTINGS = [
  { nWorkers: 1, options: { bufferFloatType: "q80", kvCacheType: "f16" } },
  { nWorkers: 2, options: { bufferFloatType: "f32", kvCacheType: "f32" } },
  { nWorkers: 2, options: { bufferFloatType: "q80", kvCacheType: "f32", allReduce: "scattered" } },
  { nWorkers: 3, options: { bufferFloatType: "q80", kvCacheType: "f16" } },
];

/**
 * @typedef {object} Result
 * @property {number} faults that were noticed
 * @property {number} recoveries
 * @property {number} unnoticed faults that came too late in a story, which were done again
 * @property {Map<string, number>} byKind
 * @property {string[]} hangs
 * @property {string[]} crashes
 * @property {string[]} differences texts that were not those of undisturbed runs
 */

/**
 * @param {{ faults: number, random: () => number, deadline: number, say: (line: string) => void,
 *   wantedKinds: string[] }} options no wanted kinds are all
 * @returns {Promise<Result>}
 */
export async function soak({ faults, random, deadline, say, wantedKinds }) {
  const chosen = kinds.filter(([name]) => wantedKinds.length === 0 || wantedKinds.includes(name));
  if (chosen.length === 0) throw new Error(`no such kinds: ${wantedKinds.join(", ")}`);
  const result = {
    faults: 0,
    recoveries: 0,
    unnoticed: 0,
    byKind: new Map(),
    hangs: [],
    crashes: [],
    differences: [],
  };
  for (const [index, setting] of SETTINGS.entries()) {
    const upTo = Math.round((faults * (index + 1)) / SETTINGS.length);
    if (result.faults < upTo)
      await soakSetting(setting, { result, upTo, random, deadline, say, chosen });
  }
  return result;
}

async function soakSetting({ nWorkers, options }, { result, upTo, random, deadline, say, chosen }) {
  const cluster = await Cluster.start(nWorkers);
  let teller;
  try {
    teller = await StoryTeller.start(cluster.addresses, options);
    const stories = Array.from({ length: STORIES_A_SETTING }, (_, n) => story(random, n));
    const expected = [];
    for (const one of stories) expected.push(String(await teller.tell(one)));
    while (result.faults < upTo && performance.now() < deadline && isWell(result)) {
      const n = wholeBetween(random, 0, stories.length);
      await disturb({ teller, cluster, random, result, say, chosen }, stories[n], expected[n]);
      result.crashes.push(...cluster.crashes.splice(0));
    }
    if (!isWell(result)) return;
    const end = await withinLimit(teller.stop());
    if (end !== 0) result.crashes.push(`the root ended with ${end ?? "nothing: it hangs"}`);
  } catch (error) {
    result.crashes.push(error.message);
  } finally {
    await teller?.kill();
    await cluster.stop();
  }
}

/** A prompt of one to seven chunks, or of a few words. */
function story(random, n) {
  const words = "One day, Lily and Tom went to the park. They saw a big dog. ";
  const prompt = n === 0 ? "Once upon a time" : words.repeat(wholeBetween(random, 1, 8));
  const temperature = oneOf(random, [0, 0.8, 1.3]);
  return {
    prompt,
    steps: STEPS - prompt.length / 2,
    temperature,
    seed: wholeBetween(random, 0, 1e6),
  };
}

/** One story with one fault. */
async function disturb({ teller, cluster, random, result, say, chosen }, one, expected) {
  const [name, fault] = oneOf(random, chosen);
  // In the prompt, which is before the first token, or anywhere in the first two thirds of the text.
  const at = wholeBetween(random, 0, Math.floor((one.steps * 2) / 3));
  const waitMs = random() * 20;
  const lost = later();
  const recovered = later();
  const scene = { cluster, random, lost: lost.promise, recovered: recovered.promise };
  let [nLost, nRecovered, mended] = [0, 0, undefined];
  const begin = () => {
    mended ??= new Promise((resolve) => setTimeout(resolve, waitMs)).then(() => fault(scene));
  };
  if (at === 0) begin();
  const telling = teller.tell(one, {
    onToken: (n) => n >= at && begin(),
    onEvent: ({ type }) => {
      if (type === "lost") {
        nLost++;
        lost.resolve();
      } else {
        nRecovered++;
        recovered.resolve();
      }
    },
  });
  // A fault that waits for what never comes, because the story is over, is to end, too.
  const over = telling.finally(() => [lost, recovered].forEach(({ resolve }) => resolve()));
  const told = await withinLimit(Promise.all([over, over.then(() => mended)]));
  const where = `${name} at token ${at} of ${one.steps}, ${cluster.workers.length + 1} ranks`;
  if (told === undefined) {
    result.hangs.push(where);
    return;
  }
  if (nLost === 0) {
    // It came when the last forward was done, or cost nobody anything.
    result.unnoticed++;
    say(`${where}: not noticed`);
    // The next story would meet it: it has to be over.
    await endQuietly(teller, one, expected, result, where);
    return;
  }
  result.faults++;
  result.recoveries += nRecovered > 0 ? 1 : 0;
  result.byKind.set(name, (result.byKind.get(name) ?? 0) + 1);
  if (String(told[0]) !== expected) result.differences.push(where);
  say(`${result.faults}: ${where}: lost ${nLost}, recovered ${nRecovered}`);
}

/** A fault that nobody noticed in its story is noticed in the next, if it has cost anything. */
async function endQuietly(teller, one, expected, result, where) {
  const told = await withinLimit(teller.tell(one));
  if (told === undefined) result.hangs.push(`after ${where}`);
  else if (String(told) !== expected) result.differences.push(`after ${where}`);
}

/** The promise's value; undefined if it takes too long. */
async function withinLimit(promise) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, HANG_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A promise with the function that resolves it. */
function later() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}

export function isWell({ hangs, crashes, differences }) {
  return hangs.length + crashes.length + differences.length === 0;
}
