/** `dllama inference` on this device alone: formats, sources of the prompt, and what goes wrong. */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dllama, fixtures, folder, jsonLines } from "./harness.ts";

const expected: { prompt: string; meta: { greedy_text: string } } = JSON.parse(
  readFileSync(join(fixtures, "stories260K/expected.json"), "utf8"),
);

/** The embedded model, without randomness, cache in full precision. */
const greedy = ["inference", "--temperature", "0", "--kv-cache-type", "f32"];
const story = [...greedy, "--prompt", expected.prompt];
const textOf = ({ text }: Record<string, unknown>) => (typeof text === "string" ? text : "");

const FIGURES = "G +\\d+ ms I +\\d+ ms T +\\d+ ms S +\\d+ kB R +\\d+ kB";

test("text is the story alone, notices are on stderr", async () => {
  const args = ["--steps", "200", "--format", "text", "--echo", "--seed", "5"];
  const { code, stdout, stderr } = await dllama([...story, ...args]);
  assert.is(code, 0);
  assert.is(stdout, expected.meta.greedy_text);
  assert.match(stderr, /^Running the small embedded model; --model FILE runs another\.$/m);
  assert.match(stderr, /: 1 rank, \d+ threads? \(\w+\), q80 buffers, f32 KV cache, seed 5$/m);
});

test("--quiet leaves nothing on stderr", async () => {
  const { code, stderr } = await dllama([...story, "--steps", "3", "--quiet"]);
  assert.is(code, 0);
  assert.is(stderr, "");
});

test("the report has a line for the prompt, one for each token, and averages", async () => {
  const { stdout } = await dllama([...story, "--steps", "4", "--format", "report"]);
  const lines = stdout.split("\n");
  assert.match(lines[0] ?? "", /^⏩ Loaded \d{6,} bytes$/);
  assert.match(lines[1] ?? "", new RegExp(`^🔷 ${FIGURES} ${expected.prompt}$`));
  const pieces = lines.slice(2, 6).map((line) => {
    const [, piece] = new RegExp(`^🔶 ${FIGURES} (.*)$`).exec(line) ?? [];
    return piece;
  });
  assert.ok(expected.meta.greedy_text.startsWith(expected.prompt + pieces.join("")), stdout);
  assert.match(stdout, /^Generated tokens: +4$/m);
  assert.match(stdout, /^Generation speed: +[\d.]+ tokens\/s$/m);
});

test("json has start, prompt, tokens and summary, and the same text", async () => {
  const { stdout } = await dllama([...story, "--steps", "20", "--format", "json"]);
  const objects = jsonLines(stdout);
  const types = objects.map(({ type }) => type);
  assert.equal(types, ["start", "prompt", ...Array.from({ length: 20 }, () => "token"), "summary"]);

  const [start = {}, prompt = {}, ...rest] = objects;
  assert.is(start["worldSize"], 1);
  assert.is(start["kvCacheType"], "f32");
  assert.is(prompt["tokens"], 5);
  const text = rest.map(textOf).join("");
  assert.ok(expected.meta.greedy_text.startsWith(expected.prompt + text), text);
  const { prefillTokensPerSecond, decodeTokensPerSecond, ...counts } = rest.at(-1) ?? {};
  assert.equal(counts, {
    type: "summary",
    promptTokens: 5,
    generatedTokens: 20,
    stopReason: "steps",
  });
  assert.ok(Number(prefillTokensPerSecond) > 0 && Number(decodeTokensPerSecond) > 0);
});

test("the seed that was told repeats the text, another gives another", async () => {
  const run = (...args: string[]) =>
    dllama(["inference", "-p", "Once", "-n", "40", "--format", "json", ...args]);
  const first = await run();
  const seed = Number(jsonLines(first.stdout)[0]?.["seed"]);
  const again = await run("--seed", String(seed));
  const other = await run("--seed", String(seed + 1));
  const texts = [first, again, other].map(({ stdout }) => jsonLines(stdout).map(textOf).join(""));
  assert.is(texts[1], texts[0]);
  assert.is.not(texts[2], texts[0]);
});

test("a prompt may be piped or in a file, without the line break at its end", async () => {
  const args = [...greedy, "--steps", "8", "--format", "text", "--echo"];
  const wanted = await dllama([...args, "--prompt", expected.prompt]);
  const file = join(folder, "prompt.txt");
  writeFileSync(file, `${expected.prompt}\r\n`);

  const piped = await dllama(args, { stdin: `${expected.prompt}\n` });
  const fromFile = await dllama([...args, "--file", file]);
  assert.is(piped.stdout, wanted.stdout);
  assert.is(fromFile.stdout, wanted.stdout);
});

test("what llama.cpp's users type means the same here", async () => {
  const short = [...greedy, "--format", "text", "--max-seq-len", "40"];
  const { code, stdout, stderr } = await dllama([...short, "-f", "-", "-n", "-1", "-s", "-1"], {
    stdin: "Once upon a time\n",
  });
  assert.is(code, 0, stderr);
  const same = await dllama([...short, "-p", "Once upon a time"]);
  assert.is(stdout, same.stdout);
});

test("without a prompt generation starts at BOS, and --prompt leaves stdin alone", async () => {
  const args = [...greedy, "--steps", "2", "--format", "json"];
  const none = await dllama(args);
  assert.is(none.code, 0);
  assert.is(jsonLines(none.stdout)[1]?.["tokens"], 1);
  const open = await dllama([...args, "--prompt", "Once"], { stdin: null });
  assert.is(open.code, 0);
});

test("an endless stdin is refused before it fills the memory", async () => {
  const { code, stderr } = await dllama(["inference"], { stdin: "y\n".repeat(9 * 2 ** 20) });
  assert.is(code, 1);
  assert.match(stderr, /^error: the prompt on stdin is longer than 16\.00 MiB$/m);
});

test("the context ends a run that nothing else ends", async () => {
  const args = ["--max-seq-len", "16", "--ignore-eos", "--format", "json"];
  const { code, stdout } = await dllama([...story, ...args]);
  assert.is(code, 0);
  assert.is(jsonLines(stdout).at(-1)?.["stopReason"], "context");
});

mkdirSync(join(folder, "empty"));
cpSync(join(fixtures, "stories260K/meta"), join(folder, "llama"), { recursive: true });
writeFileSync(join(folder, "empty.gguf"), "");
writeFileSync(join(folder, "latin1.txt"), Buffer.from([0x47, 0xfc, 0x72]));

/** Exit code 1: a file or the model is not what was wanted. */
const failures: [string[], RegExp][] = [
  [["--model", join(folder, "missing.gguf")], /^error: .*missing\.gguf/m],
  [["--model", join(folder, "empty")], /^error: .*empty: expected a GGUF file, got a folder$/m],
  [["--model", join(folder, "empty.gguf")], /^error: .*empty\.gguf: .* a file of 0 bytes$/m],
  [["--model", join(folder, "llama")], /^hint: .*dllama convert .*llama q40$/m],
  [["--model", join(fixtures, "stories260K.bin")], /^hint: .*dllama convert FOLDER q40/m],
  [["--tokenizer", join(fixtures, "llama2-tokenizer.model")], /^error: .*32000.*512|512.*32000/m],
  [["--weights-float-type", "q40"], /^error: .*expected weights of type q40, got f32$/m],
  [["--workers", "no-such-host.invalid"], /^error: .*no-such-host\.invalid:9998/m],
  [["--file", join(folder, "latin1.txt")], /^error: .*latin1\.txt is not UTF-8 text$/m],
  [["--file", join(folder, "nothing.txt")], /^error: cannot read the prompt file .*ENOENT/m],
  [["--prompt", "a b c d e f g", "--max-seq-len", "4"], /^error: .*\b4\b/m],
];

for (const [args, message] of failures) {
  test(`${args.join(" ").replaceAll(folder, "")} is exit code 1`, async () => {
    const { code, stdout, stderr } = await dllama(["inference", "--steps", "1", ...args]);
    assert.is(code, 1);
    assert.match(stderr, message);
    assert.not.match(stdout, /🔶/);
    assert.not.match(stderr, /^ +at /m, "no stack without --verbose");
  });
}

test("a context beyond the model's is wrong use, exit code 2", async () => {
  const { code, stdout, stderr } = await dllama([...story, "--max-seq-len", "513"]);
  assert.is(code, 2);
  assert.is(stdout, "");
  assert.match(stderr, /^error: .*513/m);
  assert.match(stderr, /512/);
});

test("--verbose shows where an error comes from", async () => {
  const { stderr } = await dllama(["inference", "--model", join(folder, "no.gguf"), "--verbose"]);
  assert.match(stderr, /^ +at /m);
});

test.run();
