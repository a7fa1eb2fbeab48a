import { test } from "uvu";
import * as assert from "uvu/assert";
import { benchSpec } from "../src/args/bench.ts";
import type { CommandSpec } from "../src/args/command-spec.ts";
import { convertSpec } from "../src/args/convert.ts";
import { commandHelp, mainHelp } from "../src/args/help.ts";
import { inferenceSpec } from "../src/args/inference.ts";
import { planSpec } from "../src/args/plan.ts";
import { unknownCommand } from "../src/args/unknown-command.ts";
import { workerSpec } from "../src/args/worker.ts";

const specs: CommandSpec[] = [inferenceSpec, benchSpec, planSpec, workerSpec, convertSpec];

test("the help of worker, 80 columns wide", () => {
  assert.fixture(
    commandHelp(workerSpec, 80),
    `Lend this device to a root that runs \`dllama inference --workers\`.

Usage:
  dllama worker [flags]

Options:
  --port N                    TCP port to listen on; 0 takes a free one.
                              Default: 9998.
  --host ADDRESS              Address to listen on; \`::\` for all, those of IPv6,
                              too. Default: all IPv4 addresses of this device;
                              with --insecure 127.0.0.1, which only this device
                              reaches.
  -t, --nthreads, --threads N
                              Threads that compute. Default: the physical cores
                              that this process may use.
  --max-memory SIZE           Memory that a session may take, such as 2gib. A
                              root gives this device no larger part, and one
                              that does not fit is refused before anything is
                              taken. Default: what the system has free.
  --token-file FILE           A file with the token, any text of at least 16
                              bytes, that root and workers have in common.
                              DLLAMA_TOKEN in the environment comes first. The
                              first \`dllama worker\` makes and stores one.
                              Default: the token that this user has stored.
  --insecure                  NO token and NO encryption: everybody who reaches
                              a worker's port can use it, and read and change
                              what is sent. Needed on all sides.

Weights:
  -m, --model FILE            This device's own copy of the model: what agrees
                              with the root's is read here and not sent.
                              Default: none.
  --cache-dir DIR             Where weights are kept, so that they are sent
                              once. Workers may share it. Default: dllama in the
                              platform's cache folder.
  --max-cache-size SIZE       Room for them; what was used longest ago goes
                              first. Default: 32gib, at most half of the disk's
                              free space.
  --no-cache                  Keep no weights on disk: the root sends them at
                              each start.

General:
  --verbose                   Tell more on stderr, and show the stack of an
                              error.
  --quiet                     Only errors and warnings on stderr, no progress.
  -h, --help                  Show this help.

Examples:
  dllama worker
  dllama worker --port 9999 --nthreads 4 --token-file /run/secrets/dllama

Serves one root after another until Ctrl-C. It needs no model: the root sends it
its share of the weights, once.

Root and workers have a token in common. The first start without one makes it,
stores it where this user's root finds it, and prints the line to run on other
devices.
`,
  );
});

test("the help of convert on a narrow terminal puts descriptions below", () => {
  const [, args = ""] = commandHelp(convertSpec, 44).split("Arguments:\n");
  assert.fixture(
    args.slice(0, args.indexOf("\n\n")),
    `  FOLDER
      The folder with params.json and
      consolidated.*.pth.
  q40|q80|f16|f32
      The format of the weights: q40 (4
      bits), q80 (8 bits), f16 or f32.`,
  );
});

for (const spec of specs) {
  test(`the help of ${spec.name} has every spelling and default, and fits`, () => {
    const help = commandHelp(spec, 72);
    const oneLine = help.replace(/\s+/g, " ");
    for (const [name, flag] of Object.entries(spec.flags)) {
      for (const spelling of [`--${name}`, ...(flag.aliases ?? [])]) {
        assert.ok(help.includes(spelling), spelling);
      }
      if (flag.kind !== "toggle" && flag.default !== undefined) {
        assert.ok(oneLine.includes(`Default: ${flag.default.toString()}.`), name);
      }
    }
    const [descriptions = ""] = help.split("Examples:");
    for (const line of descriptions.split("\n")) assert.ok(line.length <= 72, line);
  });
}

test("the main help lists the commands", () => {
  const help = mainHelp("1.2.3", specs, 80);
  assert.match(help, /^dllama 1\.2\.3: /);
  for (const { name } of specs) assert.match(help, new RegExp(`^  ${name} `, "m"));
});

const unknown: [string, RegExp, RegExp][] = [
  ["infrence", /^unknown command infrence$/, /^Did you mean inference\?$/],
  ["Worker", /^unknown command Worker$/, /^Did you mean worker\?$/],
  ["pul", /^unknown command pul$/, /dllama convert FOLDER q40/],
  ["frobnicate", /^unknown command frobnicate$/, /dllama help/],
  ["--prompt", /before the flags, got --prompt$/, /dllama inference --prompt/],
  ["a.gguf", /^unknown command a\.gguf$/, /dllama inference a\.gguf/],
  ["run", /^there is no command run$/, /dllama inference --model/],
  ["chat", /^there is no command chat$/, /dllama inference --model/],
  ["serve", /^there is no command serve$/, /dllama worker/],
  ["pull", /^there is no command pull$/, /dllama convert FOLDER q40/],
];

for (const [typed, message, hint] of unknown) {
  test(`${typed} is answered with what there is`, () => {
    const error = unknownCommand(typed, ["inference", "worker", "convert", "help"]);
    assert.match(error.message, message);
    assert.match(error.hint ?? "", hint);
  });
}

test.run();
