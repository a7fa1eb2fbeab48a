/**
 * Measures Llama 2's tokenizer: megabytes of text a second into ids, and how long a vocabulary takes
 * until its first text can be encoded.
 *
 *     npx -y pnpm@10.34.9 build && node scripts/measure-tokenizer.mjs [--runs 7]
 *
 * Texts of a mebibyte at most, in bytes of UTF-8: prose are the installed packages' Markdown files, code
 * is this repository's, and "random" are words that never come again, of characters of all scripts. Each
 * is encoded in one go; the first run, which compiles the JavaScript, counts. Starts are in processes of
 * their own: from a GGUF header with Llama 2's vocabulary, and with one of 128k pieces, made up.
 */

import { randomInt } from "node:crypto";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { planSyntheticModel } from "../packages/converter/dist/index.js";
import { readTokenizer } from "../packages/core/dist/index.js";
import { measurement, outputOf } from "./lib/measure/measurement.mjs";
import { medianOf, printTable, printTarget, spread } from "./lib/measure/spread.mjs";
import { root } from "./lib/workspace.mjs";

const TEXT_BYTES = 2 ** 20;
const LEAST_MB_PER_SECOND = 3;
const MOST_START_MS = 50;

const { values } = parseArgs({ options: { runs: { type: "string", default: "7" } } });
const runs = Number(values.runs);

/** All files of folders that end so, in one, up to the size. */
function gather(end, ...folders) {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter((name) => name.endsWith(end))
      .map((name) => join(root, folder, name)),
  );
  const text = paths.map((path) => readFileSync(path, "utf8"));
  return upToSize(text.join("\n"));
}

function upToSize(text) {
  return Buffer.from(text).toString("utf8", 0, TEXT_BYTES);
}

/** Words of one to eight of the characters that the tokenizer's tests use. */
function randomWords() {
  const path = join(root, "packages/core/test/support/texts.ts");
  const characters = [...new Set(readFileSync(path, "utf8"))];
  const word = () =>
    Array.from({ length: randomInt(1, 9) }, () => characters[randomInt(characters.length)]).join(
      "",
    );
  return upToSize(Array.from({ length: TEXT_BYTES / 8 }, word).join(" "));
}

async function measureEncoding() {
  const tokenizer = await readTokenizer(join(root, "fixtures/llama2-tokenizer.model"));
  const texts = [
    ["prose", gather(".md", "node_modules/.pnpm")],
    ["code", gather(".rs", "crates")],
    ["random", randomWords()],
  ];
  let slowest = Number.POSITIVE_INFINITY;
  const rows = texts.map(([name, text]) => {
    const nBytes = Buffer.byteLength(text);
    let nTokens = 0;
    const rates = Array.from({ length: runs }, () => {
      const start = performance.now();
      nTokens = tokenizer.encode(text).length;
      return nBytes / 1e3 / (performance.now() - start);
    });
    slowest = Math.min(slowest, medianOf(rates));
    return [name, (nBytes / nTokens).toFixed(2), spread(rates)];
  });
  printTable(["text", "bytes a token", "MB/s"], rows);
  printTarget(`${LEAST_MB_PER_SECOND} MB/s`, slowest >= LEAST_MB_PER_SECOND);
}

/** Runs in a process of its own. */
const START = `
  import { readGguf } from ${JSON.stringify(new URL("../packages/core/dist/gguf/read-gguf.js", import.meta.url))};
  import { tokenizerFromGguf } from ${JSON.stringify(new URL("../packages/core/dist/tokenizer/gguf-vocabulary.js", import.meta.url))};
  const start = performance.now();
  const file = await readGguf(process.argv[2]);
  const read = performance.now();
  (await tokenizerFromGguf(file)).encode("Once upon a time");
  const ready = performance.now();
  console.log(JSON.stringify({ readMs: read - start, tokenizerMs: ready - read }));
`;

async function measureStarts({ folder, node }) {
  const script = join(folder, "start.mjs");
  writeFileSync(script, START);
  const { vocabulary } = await readTokenizer(join(root, "fixtures/llama2-tokenizer.model"));
  const models = [
    ["32000, Llama 2's", { shape: "llama2-7b", vocabulary }],
    ["128256, made up", { shape: "llama3-8b" }],
  ];
  let slowest = 0;
  const rows = [];
  for (const [name, options] of models) {
    const path = join(folder, `${options.shape}.gguf`);
    const { header, nBytes } = planSyntheticModel(options);
    writeFileSync(path, header);
    truncateSync(path, nBytes);
    const starts = [];
    for (let n = 0; n < runs; n++) {
      starts.push(JSON.parse(await outputOf(node(script, path))));
    }
    const column = (key) => starts.map((figures) => figures[key]);
    slowest = Math.max(slowest, medianOf(column("tokenizerMs")));
    rows.push([name, spread(column("readMs")), spread(column("tokenizerMs"))]);
  }
  console.log("");
  printTable(["vocabulary", "header read, ms", "tokenizer ready, ms"], rows);
  printTarget(`${MOST_START_MS} ms`, slowest < MOST_START_MS);
}

await measurement(async (tools) => {
  await measureEncoding();
  await measureStarts(tools);
});
