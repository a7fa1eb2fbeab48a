/** What needs neither a model nor the library: help, version, and command lines that are refused. */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { dllama, Program } from "./harness.ts";

const answers: [string[], RegExp][] = [
  [[], /^dllama \d+\.\d+\.\d+: .*\n[^]*\n {2}inference /],
  [["help"], /\n {2}inference /],
  [["-h"], /\n {2}inference /],
  [["--version"], /^\d+\.\d+\.\d+\n$/],
  [["help", "inference"], /\n {2}dllama inference \[MODEL\.gguf\] \[flags\]\n/],
  [["--help", "worker"], /\n {2}dllama worker \[flags\]\n/],
  [["inference", "--steps", "0", "-h"], /\n {2}dllama inference /],
  [["bench", "--help"], /\n {2}dllama bench \[flags\]\n/],
  [["plan", "--help"], /\n {2}dllama plan \[flags\]\n/],
  [["convert", "--help"], /\n {2}dllama convert FOLDER TYPE \[flags\]\n/],
];

for (const [args, expected] of answers) {
  test(`dllama ${args.join(" ")} answers on stdout`, async () => {
    const { code, stdout, stderr } = await dllama(args);
    assert.is(code, 0);
    assert.match(stdout, expected);
    assert.is(stderr, "");
  });
}

const refused: [string[], RegExp][] = [
  [["infrence"], /^error: unknown command infrence\nhint: Did you mean inference\?\n$/],
  [["run", "llama"], /^error: there is no command run\nhint: `dllama inference /],
  [["help", "serve"], /^error: there is no command serve\n/],
  [["--prompt", "x"], /^error: expected a command before the flags, got --prompt\n/],
  [["inference", "--steps", "0"], /^error: --steps expects .* of 1 or more, or -1, got "0"\n$/],
  [["inference", "--stepz", "1"], /^error: unknown flag --stepz\nhint: Did you mean --steps\?\n$/],
  [["inference", "--nthreads", "0"], /^error: --nthreads expects .*, got "0"\n$/],
  [["inference", "-m", "a.gguf", "b.gguf"], /^error: two models: /],
  [["inference", "--workers", "pi", "a.gguf"], /^error: --workers takes .* a\.gguf too\nhint: /],
  [["inference", "--workers", "pi", "PI:9998"], /^error: --workers names pi:9998 twice\n/],
  [["inference", "-p", "x", "-f", "y"], /^error: --prompt and --file exclude each other\n/],
  [
    ["worker", "--insecure", "--token-file", "x"],
    /^error: a token and insecure exclude each other\n/,
  ],
  [["worker", "--token", "secret"], /^error: unknown flag --token\n/],
  [["inference", "--split", "1,1"], /^error: --split expects 1 weights, .*, got 2: 1,1\nhint: /],
  [["inference", "--split", "half"], /^error: --split expects auto, measure, equal, or a weight /],
  [["worker", "--max-memory", "0gib"], /^error: --max-memory expects a size such as 2gib/],
  [["convert", "llama"], /^error: TYPE is missing/],
];

for (const [args, expected] of refused) {
  test(`dllama ${args.join(" ")} is refused with exit code 2`, async () => {
    const { code, stdout, stderr } = await dllama(args);
    assert.is(code, 2);
    assert.is(stdout, "");
    assert.match(stderr, expected);
  });
}

test("a closed stdout ends quietly", async () => {
  const program = new Program(["help"]);
  program.closeStdout();
  const { code, stderr } = await program.ended;
  assert.is(code, 0);
  assert.is(stderr, "");
});

test.run();
