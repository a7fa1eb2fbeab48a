/** What bench:peers prints. Every format prints a case as soon as it is there. */

import { spreadOf } from "./ratios.mjs";

const COLUMNS = [
  { title: "shape", width: 18 },
  { title: "threads", width: 7 },
  { title: "test", width: 11 },
  { title: "depth", width: 5 },
  { title: "dllama t/s", width: 10 },
  { title: "same t/s", width: 8 },
  { title: "dllama / same", width: 20 },
  { title: "best t/s", width: 8 },
  { title: "dllama / best", width: 20 },
];

/**
 * @param {"table" | "markdown" | "json"} format
 * @param {{ commit: string, cases: import("./cases.mjs").Case[], options: object }} setup
 * @returns {{ machine: (machine: object) => string, case: (result: object) => string, end: () => string }}
 *   texts of whole lines
 */
export function createFormat(format, setup) {
  if (format === "json") return jsonFormat(setup);
  const line = format === "markdown" ? markdownLine : tableLine;
  const rule = format === "markdown" ? [`|${"---|".repeat(COLUMNS.length)}`] : [];
  const disturbances = [];
  let leftOutShare = 0;
  return {
    machine: (machine) => {
      const facts = describe(machine, setup);
      const titles = line(COLUMNS.map(({ title }) => title));
      return lines([...facts.map(format === "markdown" ? bullet : plain), "", titles, ...rule]);
    },
    case: (result) => {
      leftOutShare = Math.max(leftOutShare, result.leftOutShare);
      if (result.busy.length > 0) disturbances.push(disturbance(result));
      return lines([line(cells(result))]);
    },
    end: () => lines(["", ...notes(disturbances, leftOutShare)]),
  };
}

function jsonFormat({ commit, options }) {
  const print = (object) => lines([JSON.stringify(object, rounded)]);
  const { rounds } = options;
  return {
    machine: (machine) => print({ ...machine, commit, rounds }),
    case: print,
    end: () => "",
  };
}

/** Six digits are more than any of these figures is worth. */
function rounded(_key, value) {
  if (typeof value !== "number" || Number.isInteger(value)) return value;
  return Number(value.toPrecision(6));
}

function describe({ processor, isa, version, variants }, { commit, options, positions }) {
  return [
    `processor: ${processor}`,
    `dllama: commit ${commit}, ${isa}`,
    `llama.cpp: node-llama-cpp ${version}; ${describeLoaded(variants)}`,
    `both: Q40 weights, F16 KV cache of ${positions} positions; llama.cpp with flash attention`,
    `${options.rounds} rounds in turns: median tokens/s; ratios as median (minimum to maximum)`,
  ];
}

function describeLoaded({ same, best }) {
  if (same !== undefined && same === best) {
    return `same and best both load libggml-cpu-${best}.so: run once, its figures stand for both`;
  }
  const loaded = Object.entries({ same, best }).filter(([, variant]) => variant !== undefined);
  return loaded.map(([peer, variant]) => `${peer} loaded libggml-cpu-${variant}.so`).join("; ");
}

function cells({ shape, nThreads, test, promptTokens, generatedTokens, depth, runs, ratios }) {
  const rate = (values) => (values === undefined ? "-" : spreadOf(values).median.toFixed(2));
  const ratio = (spread) => {
    if (spread === undefined) return "-";
    const [median, low, high] = [spread.median, spread.minimum, spread.maximum];
    return `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
  };
  return [
    shape,
    String(nThreads),
    `${test} ${promptTokens ?? generatedTokens}`,
    String(depth),
    rate(runs.dllama),
    rate(runs.same),
    ratio(ratios.same),
    rate(runs.best),
    ratio(ratios.best),
  ];
}

function disturbance({ shape, nThreads, test, promptTokens, generatedTokens, depth, busy }) {
  const who = busy.map((one) => `${one.who} ${(one.cores * 100).toFixed(0)} %`).join(", ");
  const threads = nThreads === 1 ? "1 thread" : `${nThreads} threads`;
  const what = `${shape}, ${threads}, ${test} ${promptTokens ?? generatedTokens} at depth ${depth}`;
  return `${what}: ${who}`;
}

function notes(disturbances, leftOutShare) {
  const quiet = "No other process used more than 5 % of a core during a run.";
  const loud = ["DISTURBED: others used more than 5 % of a core during runs:", ...disturbances];
  const percent = (leftOutShare * 100).toFixed(1);
  return [
    ...(disturbances.length === 0 ? [quiet] : loud),
    `Left out of llama.cpp's time: node-llama-cpp's JavaScript, at most ${percent} % of a run.`,
  ];
}

function tableLine(texts) {
  return texts
    .map((text, n) => text.padEnd(COLUMNS[n].width))
    .join("  ")
    .trimEnd();
}

function markdownLine(texts) {
  return `| ${texts.join(" | ")} |`;
}

const plain = (text) => text;
const bullet = (text) => `- ${text}`;

function lines(texts) {
  return texts.map((text) => `${text}\n`).join("");
}
