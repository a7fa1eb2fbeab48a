/** The command line of bench:peers. */

import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { PeersError } from "./peers-error.mjs";

/** Of scripts/lib/synthetic-model.mjs. */
const SHAPES = ["llama2-7b", "tinyllama-1.1b", "llama2-7b-8-layers"];
const FORMATS = ["table", "markdown", "json"];
const TESTS = ["prefill", "decode"];
/** Held to our instruction set, and free to choose. */
const PEERS = ["same", "best"];

const DEFAULTS = {
  shapes: "llama2-7b,tinyllama-1.1b",
  tests: TESTS.join(),
  nthreads: "1,2",
  rounds: "5",
  "prompt-tokens": "64,512",
  "generated-tokens": "32",
  depth: "0,2000",
  peers: PEERS.join(),
  format: "table",
  folder: join(tmpdir(), "dllama-bench-peers"),
};

export const HELP = `Compares dllama with llama.cpp on this machine: both run the same synthetic Q40 models in turns.

Usage: pnpm bench:peers [options]

  --shapes LIST            of ${SHAPES.join(", ")}
                           (default ${DEFAULTS.shapes})
  --tests LIST             of ${TESTS.join(", ")} (default both)
  --nthreads LIST          threads of either side (default ${DEFAULTS.nthreads})
  --rounds N               runs of each side in a case, in turns (default ${DEFAULTS.rounds})
  --prompt-tokens LIST     tokens of a prompt (default ${DEFAULTS["prompt-tokens"]})
  --generated-tokens LIST  tokens generated one by one (default ${DEFAULTS["generated-tokens"]})
  --depth LIST             tokens in the KV cache before (default ${DEFAULTS.depth})
  --peers LIST             of same (llama.cpp held to dllama's instruction set) and best
                           (free to choose) (default both)
  --format F               ${FORMATS.join(", ")} (default ${DEFAULTS.format})
  --folder PATH            keeps llama.cpp (85 MB a copy) and the models (0.7 and 3.9 GB)
                           (default ${DEFAULTS.folder})
  --help                   shows this text

DLLAMA_ISA=avx2 (or another instruction set of dllama's) forces dllama, and with it "same", to that.
All sides keep the model in memory at once; on small machines take fewer --peers or --shapes.
A run is disturbed by everything else that the machine does: what used more than 5 % of a core
meanwhile is named.
`;

/**
 * @param {readonly string[]} args
 * @throws {PeersError} USAGE
 */
export function readOptions(args) {
  const values = parse(args);
  if (values.help) return { help: true };
  const numbers = (flag, least) =>
    list(values[flag]).map((text) => count(`--${flag}`, text, least));
  return {
    help: false,
    shapes: oneOf("--shapes", list(values.shapes), SHAPES),
    tests: oneOf("--tests", list(values.tests), TESTS),
    nThreads: numbers("nthreads", 1),
    rounds: count("--rounds", values.rounds, 1),
    promptTokens: numbers("prompt-tokens", 1),
    generatedTokens: numbers("generated-tokens", 1),
    depths: numbers("depth", 0),
    peers: oneOf("--peers", list(values.peers), PEERS),
    format: oneOf("--format", [values.format], FORMATS)[0],
    folder: resolve(values.folder),
  };
}

function parse(args) {
  const options = { help: { type: "boolean", default: false } };
  for (const [flag, value] of Object.entries(DEFAULTS)) {
    options[flag] = { type: "string", default: value };
  }
  try {
    // pnpm hands on the "--" that separates its own flags from ours.
    return parseArgs({ args: args.filter((arg) => arg !== "--"), options }).values;
  } catch (error) {
    throw usage(error.message);
  }
}

/** Each once, in the order given. */
function list(text) {
  return [...new Set(text.split(",").map((item) => item.trim()))];
}

function oneOf(flag, items, known) {
  const wrong = items.find((item) => !known.includes(item));
  if (wrong === undefined) return items;
  throw usage(`expected ${flag} of ${known.join(", ")}, got "${wrong}"`);
}

/** More of anything than this is a slip of the finger. */
const MAX_COUNT = 1_000_000;

function count(flag, text, least) {
  const value = Number(text);
  if (/^\d+$/u.test(text) && value >= least && value <= MAX_COUNT) return value;
  throw usage(`expected ${flag} of ${least} to ${MAX_COUNT}, got "${text}"`);
}

function usage(message) {
  return new PeersError("USAGE", message, "pnpm bench:peers --help lists all options.");
}
