/**
 * Lets llama.cpp judge the converter: it must load the fixture as f32, f16 and q40, and under f32
 * continue the prompt with the reference's ids (fixtures/stories260K/expected.json).
 *
 *     npx tsc -b packages/converter && node scripts/check-llama-cpp.mjs
 *
 * Installs node-llama-cpp (700 MB) into a temporary folder, and removes it.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { convert } from "../packages/converter/dist/index.js";

const NODE_LLAMA_CPP = "node-llama-cpp@3.22.1";
const TIMEOUT_MS = 3 * 60_000;

const fixtures = fileURLToPath(new URL("../fixtures/stories260K/", import.meta.url));
const expected = JSON.parse(readFileSync(join(fixtures, "expected.json"), "utf8"));

/** Takes a list of jobs as JSON, gives their results as JSON: it runs where node-llama-cpp is. */
const CHILD = `
  import { getLlama, LlamaLogLevel } from "node-llama-cpp";
  const { models, prompt, steps } = JSON.parse(process.argv[2]);
  const llama = await getLlama({ gpu: false, build: "never", maxThreads: 1, logLevel: LlamaLogLevel.error });
  const results = [];
  for (const modelPath of models) {
    const model = await llama.loadModel({ modelPath });
    // An F32 cache, as the reference has: F16 could turn a close choice.
    const cache = { experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32" };
    // One thread: several wait for each other by spinning, on a busy machine for minutes.
    const context = await model.createContext({ contextSize: 512, threads: 1, ...cache });
    const promptIds = [model.tokens.bos, ...model.tokenize(prompt)];
    const ids = [];
    const options = { temperature: 0, yieldEogToken: true };
    for await (const id of context.getSequence().evaluate(promptIds, options)) {
      ids.push(id);
      if (ids.length === steps) break;
    }
    const text = model.detokenize([...promptIds.slice(1), ...ids]);
    results.push({ promptIds, ids, text, trainContextSize: model.trainContextSize });
    await model.dispose();
  }
  console.log(JSON.stringify(results));
  process.exit(0);
`;

function runLlamaCpp(folder, models) {
  writeFileSync(join(folder, "package.json"), '{ "private": true }');
  const env = { ...process.env, NODE_LLAMA_CPP_SKIP_DOWNLOAD: "true" };
  const options = { cwd: folder, env, timeout: TIMEOUT_MS, stdio: ["ignore", "pipe", "inherit"] };
  execFileSync("npm", ["install", "--no-audit", "--no-fund", NODE_LLAMA_CPP], options);
  writeFileSync(join(folder, "child.mjs"), CHILD);
  const job = { models, prompt: expected.prompt, steps: expected.meta.greedy_ids.length };
  return JSON.parse(
    execFileSync(process.execPath, ["child.mjs", JSON.stringify(job)], {
      ...options,
      encoding: "utf8",
    }),
  );
}

function equalPrefix(a, b) {
  const at = a.findIndex((id, n) => id !== b[n]);
  return at === -1 ? a.length : at;
}

const types = ["f32", "f16", "q40"];
const folder = mkdtempSync(join(tmpdir(), "dllama-llama-cpp-"));
try {
  const models = types.map((type) => join(folder, `${type}.gguf`));
  for (const [n, type] of types.entries()) {
    const source = join(fixtures, "meta");
    await convert({ folder: source, type, output: models[n], contextLength: 512 });
  }
  const reference = expected.meta.greedy_ids;
  for (const [n, { promptIds, ids, text }] of runLlamaCpp(folder, models).entries()) {
    const nEqual = equalPrefix(reference, ids);
    const same = JSON.stringify(promptIds) === JSON.stringify(expected.prompt_ids);
    console.log(
      `${types[n]}: loaded; prompt ids ${same ? "equal" : "DIFFER"}; ` +
        `${nEqual} of ${reference.length} greedy ids equal the f32 reference's`,
    );
    console.log(`  ${JSON.stringify(text.slice(0, 160))}...`);
    if (!same || (types[n] === "f32" && nEqual < reference.length)) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
