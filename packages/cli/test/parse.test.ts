import { test } from "uvu";
import * as assert from "uvu/assert";
import * as fc from "fast-check";
import { benchSpec } from "../src/args/bench.ts";
import type { CommandSpec } from "../src/args/command-spec.ts";
import { convertSpec } from "../src/args/convert.ts";
import { inferenceSpec } from "../src/args/inference.ts";
import { asksForHelp, parse } from "../src/args/parse.ts";
import { UsageError } from "../src/args/usage-error.ts";
import { workerSpec } from "../src/args/worker.ts";

const inference = (...argv: string[]) => parse(inferenceSpec, argv);

function failure(spec: CommandSpec, argv: string[]): UsageError {
  try {
    parse(spec, argv);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error(`${argv.join(" ")} was accepted`);
}

test("without arguments everything has its default", () => {
  const { flags, positionals } = inference();
  assert.equal(positionals, { model: undefined });
  assert.equal(flags, {
    model: undefined,
    tokenizer: undefined,
    "max-seq-len": undefined,
    "weights-float-type": undefined,
    prompt: undefined,
    file: undefined,
    steps: undefined,
    temperature: 0.8,
    "top-p": 0.9,
    seed: undefined,
    "ignore-eos": false,
    workers: [],
    nthreads: undefined,
    split: "auto",
    "buffer-float-type": "q80",
    "all-reduce": "auto",
    "kv-cache-type": "f16",
    "on-lost": "wait",
    "on-lost-timeout": 60,
    "token-file": undefined,
    insecure: false,
    format: "report",
    echo: false,
    verbose: false,
    quiet: false,
    help: false,
  });
});

/** Spellings of one thing, and the flag and value that each must give. */
const spellings: [string[][], keyof ReturnType<typeof inference>["flags"], unknown][] = [
  [
    [
      ["--steps", "5"],
      ["--steps=5"],
      ["-n", "5"],
      ["-n5"],
      ["-n=5"],
      ["--n-predict", "5"],
      ["--n-predict=5"],
      ["-n", "4", "--steps", "5"],
    ],
    "steps",
    5,
  ],
  [[["-m", "a.gguf"], ["--model=a.gguf"]], "model", "a.gguf"],
  [[["-t", "2"], ["--threads", "2"], ["-t2"]], "nthreads", 2],
  [
    [
      ["-c", "64"],
      ["--ctx-size", "64"],
    ],
    "max-seq-len",
    64,
  ],
  [
    [
      ["-s", "7"],
      ["--seed", "7"],
    ],
    "seed",
    7,
  ],
  [[["--temp", "0"], ["--temperature=0"], ["--temp", "0.0"], ["--temp=0e3"]], "temperature", 0],
  [[["--top-p", ".5"], ["--top-p=5e-1"]], "top-p", 0.5],
  [[["--buffer-float-type", "q8_0"], ["--buffer-float-type=Q80"]], "buffer-float-type", "q80"],
  [[["--weights-float-type", "q4_0"]], "weights-float-type", "q40"],
  [
    [
      ["-f", "p.txt"],
      ["--file", "p.txt"],
    ],
    "file",
    "p.txt",
  ],
  [[["-p", ""], ["--prompt="]], "prompt", ""],
  [[["-p", "- one"], ["--prompt=- one"]], "prompt", "- one"],
  [
    [
      ["-p", "-5"],
      ["-p", "6", "-p", "-5"],
    ],
    "prompt",
    "-5",
  ],
  [[["--prompt=--steps"]], "prompt", "--steps"],
  [[["-p", "a=b\nc"], ["--prompt=a=b\nc"]], "prompt", "a=b\nc"],
  [
    [
      ["--workers", "a", "b:1", "c"],
      ["--workers", "a,b:1,c"],
      ["--workers", "a,", "b:1,", "c"],
      ["--workers=a,b:1", "--workers", "c"],
      ["--workers", "a", "--workers", "b:1", "c", "--echo"],
    ],
    "workers",
    ["a:9998", "b:1", "c:9998"],
  ],
];

for (const [lines, flag, value] of spellings) {
  for (const argv of lines) {
    test(argv.join(" ").replace("\n", "\\n"), () =>
      assert.equal(inference(...argv).flags[flag], value),
    );
  }
}

test("-1 is accepted where llama.cpp takes it", () => {
  const { steps, seed } = inference("-n", "-1", "-s", "-1").flags;
  assert.equal([steps, seed], [-1, -1]);
  assert.is(inference("-n-1").flags.steps, -1);
});

test("a list has its default until it is given, and then nothing of it", () => {
  const lengths = (...argv: string[]) => parse(benchSpec, argv).flags["prompt-tokens"];
  assert.equal(lengths(), [64, 512]);
  assert.equal(lengths("-p", "8"), [8]);
  assert.equal(lengths("-p", "8,9", "--prompt-tokens", "10"), [8, 9, 10]);
  assert.equal(lengths("-n", "3"), [64, 512]);
  assert.equal(parse(benchSpec, []).flags.sequences, [1]);
  assert.equal(parse(benchSpec, ["--sequences", "1,2", "8"]).flags.sequences, [1, 2, 8]);
  assert.equal(parse(benchSpec, []).flags.nthreads, []);
  assert.equal(parse(benchSpec, ["-t", "1", "2"]).flags.nthreads, [1, 2]);
});

test("a model may stand alone, behind -- too", () => {
  assert.is(inference("a.gguf", "--steps", "1").positionals.model, "a.gguf");
  assert.is(inference("--steps", "1", "--", "--odd.gguf").positionals.model, "--odd.gguf");
});

test("--help counts wherever it stands, but not behind --", () => {
  assert.ok(asksForHelp(["--steps", "x", "-h"]));
  assert.ok(asksForHelp(["--help"]));
  assert.not(asksForHelp(["--", "--help"]));
});

/** A wrong command line, what the message must say, and the hint. */
const refused: [CommandSpec, string[], RegExp, RegExp?][] = [
  [
    inferenceSpec,
    ["--steps", "0"],
    /^--steps expects a whole number of 1 or more, or -1, got "0"$/,
  ],
  [inferenceSpec, ["--steps", "-2"], /got "-2"$/],
  [inferenceSpec, ["-n-2"], /^-n expects .*, got "-2"$/],
  [inferenceSpec, ["--steps", "NaN"], /got "NaN"$/],
  [inferenceSpec, ["--steps", "1.5"], /got "1\.5"$/],
  [inferenceSpec, ["--steps", "1e3"], /got "1e3"$/],
  [inferenceSpec, ["--steps", "9007199254740993"], /got "9007199254740993"$/],
  [inferenceSpec, ["--steps", ""], /got ""$/],
  [inferenceSpec, ["--steps="], /got ""$/],
  [inferenceSpec, ["--steps", " 5"], /got " 5"$/],
  [inferenceSpec, ["--steps"], /^--steps needs a value: a whole number/],
  [inferenceSpec, ["-p", "--steps", "5"], /^-p needs a value/, /-p=--steps/],
  [inferenceSpec, ["-p", "-n"], /^-p needs a value/],
  [inferenceSpec, ["-p", "--"], /^-p needs a value/],
  [inferenceSpec, ["--nthreads", "0"], /from 1 to 1024, got "0"$/],
  [inferenceSpec, ["--temperature", "-0.1"], /a number from 0 to 100, got "-0\.1"$/],
  [inferenceSpec, ["--temperature", "inf"], /got "inf"$/],
  [inferenceSpec, ["--temperature", "1e999"], /got "1e999"$/],
  [inferenceSpec, ["--temperature", "0,8"], /got "0,8"$/],
  [inferenceSpec, ["--top-p", "1.01"], /above 0, at most 1, got "1\.01"$/],
  [inferenceSpec, ["--top-p", "0"], /above 0, at most 1, got "0"$/],
  [inferenceSpec, ["--seed", "-2"], /a whole number of 0 or more, or -1, got "-2"$/],
  [inferenceSpec, ["--format", "jsno"], /one of report, text, json, got "jsno"/, /json\?/],
  [inferenceSpec, ["--format", "__proto__"], /got "__proto__"$/],
  [inferenceSpec, ["--buffer-float-type", "constructor"], /got "constructor"$/],
  [inferenceSpec, ["--model", ""], /^--model expects a path, got ""$/],
  [inferenceSpec, ["--model", "a\0b"], /^--model expects a path/],
  [inferenceSpec, ["--workers"], /^--workers needs a value/],
  [inferenceSpec, ["--workers", "--steps", "5"], /^--workers needs a value/],
  [inferenceSpec, ["--workers", "a,,b"], /^--workers expects host.*, got ""$/],
  [inferenceSpec, ["--workers", "a:0"], /got "a:0"$/],
  [inferenceSpec, ["--echo=true"], /^--echo takes no value, got "true"$/],
  [inferenceSpec, ["--stepz", "5"], /^unknown flag --stepz$/, /Did you mean --steps\?/],
  [inferenceSpec, ["--stepz=5"], /^unknown flag --stepz$/, /Did you mean --steps\?/],
  [inferenceSpec, ["-steps", "5"], /^unknown flag -steps$/, /Did you mean --steps\?/],
  [inferenceSpec, ["--constructor"], /^unknown flag --constructor$/],
  [inferenceSpec, ["-5"], /^unknown flag -5$/],
  [inferenceSpec, ["Once", "upon"], /a \.gguf file, got "Once"$/, /in quotes/],
  [inferenceSpec, ["a.gguf", "b.gguf"], /^unexpected argument "b\.gguf"$/],
  [workerSpec, ["--port", "65536"], /from 0 to 65535, got "65536"$/],
  [workerSpec, ["--host", "pi:9998"], /without a port, got "pi:9998"$/],
  [workerSpec, ["9998"], /^unexpected argument "9998"$/, /dllama worker --help/],
  [benchSpec, ["--shape", "llama"], /^--shape expects one of tiny, tinyllama-1\.1b, .*"llama"$/],
  [benchSpec, ["--depth", "-1"], /^--depth needs a value: a whole number from 0 to/],
  [benchSpec, ["--sequences", "1,0"], /from 1 to 1024, got "0"$/],
  [benchSpec, ["--nthreads", "1,0"], /from 1 to 1024, got "0"$/],
  [benchSpec, ["--runs", "0"], /from 1 to 1000, got "0"$/],
  [benchSpec, ["--format", "report"], /one of table, json, markdown, got "report"$/],
  [convertSpec, [], /^FOLDER is missing/],
  [convertSpec, ["llama"], /^TYPE is missing/],
  [convertSpec, ["llama", "q4"], /one of q40, q80, f16, f32, got "q4"/, /Did you mean q40\?/],
  [convertSpec, ["llama", "q40", "f32"], /^unexpected argument "f32"$/],
  [convertSpec, ["llama", "q40", "--context-length", "0"], /got "0"$/],
];

for (const [spec, argv, message, hint] of refused) {
  test(`${spec.name} ${JSON.stringify(argv.join(" "))} is refused`, () => {
    const error = failure(spec, argv);
    assert.match(error.message, message);
    if (hint !== undefined) assert.match(error.hint ?? "", hint);
  });
}

test("whatever is typed gives values or a usage error, and a prompt comes back as it was", () => {
  const word = fc.oneof(
    fc.constantFrom("--steps", "-n", "--workers", "--prompt", "--", "-", "--model=", "-n5", "="),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
      try {
        inference(...argv);
      } catch (error) {
        assert.instance(error, UsageError);
      }
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.string(), (prompt) => {
      assert.is(inference(`--prompt=${prompt}`, "--steps", "1").flags.prompt, prompt);
    }),
  );
});

test.run();
