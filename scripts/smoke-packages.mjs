/**
 * Installs packed packages into an empty folder and runs them, without a registry for our own: `node
 * scripts/smoke-packages.mjs FOLDER`. The program tells a story alone and with a worker, and both must be the text of
 * the reference. `prove-install.mjs` proves far more; this runs on every platform that has Node and npm.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { run, stopChildrenOnSignals } from "./lib/children.mjs";
import { workerAddress } from "./lib/worker-address.mjs";
import { root } from "./lib/workspace.mjs";

const INSTALL_TIMEOUT_MS = 300_000;
const STORY_TIMEOUT_MS = 60_000;
const PROMPT = "Once upon a time";
const STORY = [
  "inference",
  "--quiet",
  "--format",
  "text",
  "--temperature",
  "0",
  "--steps",
  "32",
  "--prompt",
  PROMPT,
];

const [source] = process.argv.slice(2);
if (source === undefined) {
  console.error("expected a folder of tarballs: node scripts/smoke-packages.mjs FOLDER");
  process.exit(2);
}
stopChildrenOnSignals();
const tarballs = readdirSync(source).filter((name) => name.endsWith(".tgz"));
const { os, cpu } = { os: process.platform, cpu: process.arch };
const isForeign = (name) =>
  /-(linux|darwin)-(x64|arm64)/.test(name) && !name.includes(`-${os}-${cpu}`);
const own = tarballs.filter((name) => !isForeign(name)).map((name) => resolve(source, name));

const folder = mkdtempSync(join(tmpdir(), "dllama-smoke-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
const flags = ["--ignore-scripts", "--no-audit", "--no-fund"];
await must(["npm", "install", ...flags, ...own], INSTALL_TIMEOUT_MS);

const program = [process.execPath, join(folder, "node_modules/@dllama/cli/dist/main.js")];
const expected = JSON.parse(readFileSync(join(root, "fixtures/stories260K/expected.json"), "utf8"));
const alone = await must([...program, ...STORY], STORY_TIMEOUT_MS);
requireStory(alone, "one device");
const worker = await startWorker();
try {
  const flagsOfTwo = [
    "--workers",
    worker.address,
    "--insecure",
    "--buffer-float-type",
    "f32",
    "--kv-cache-type",
    "f32",
  ];
  requireStory(await must([...program, ...STORY, ...flagsOfTwo], STORY_TIMEOUT_MS), "two devices");
} finally {
  worker.child.kill("SIGTERM");
}
console.log(
  `${own.length} packages installed on ${os}-${cpu}, Node ${process.version}: the same story on one device and on two`,
);

async function must(command, timeoutMs) {
  const { problem, stdout, output } = await run(command, { cwd: folder, timeoutMs });
  if (problem === undefined) return stdout;
  return fail(`\`${command.join(" ")}\` ${problem}:\n${output}`);
}

function requireStory(text, who) {
  const told = text.trimEnd();
  if (told.length > 64 && expected.f32.greedy_text.startsWith(PROMPT + told)) return;
  fail(
    `${who} told ${JSON.stringify(told)}\nin place of ${JSON.stringify(expected.f32.greedy_text.slice(0, 200))}`,
  );
}

async function startWorker() {
  const [node, main] = program;
  const child = spawn(
    node,
    [main, "worker", "--host", "127.0.0.1", "--port", "0", "--insecure", "--no-cache"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  process.on("exit", () => child.kill("SIGKILL"));
  const address = (await workerAddress(child)) ?? fail("the worker ended before it listened");
  return { child, address };
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
