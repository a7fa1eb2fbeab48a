/**
 * The systemd unit of the worker, without a running systemd: `systemd-analyze verify` must be silent, its score of
 * exposure at most what docs/deploy.md says, and a worker that serves a session must not need a system call that the
 * unit refuses. Exits 75 where systemd or strace are missing.
 */

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { run, stopChildrenOnSignals } from "./lib/children.mjs";
import { CANNOT_RUN_HERE } from "./lib/suites/outcome.mjs";
import { workerAddress } from "./lib/worker-address.mjs";
import { root } from "./lib/workspace.mjs";

const MAX_EXPOSURE = 1.5;
const TIMEOUT_MS = 60_000;
/** V8 asks for a memory protection key to guard its code with, and goes on without. */
const MAY_BE_REFUSED = ["pkey_alloc"];
const UNIT = join(root, "deploy/systemd/dllama-worker.service");
const main = join(root, "packages/cli/dist/main.js");

for (const program of ["systemd-analyze", "strace"]) {
  const { problem } = await run([program, "--version"]);
  if (problem === undefined) continue;
  console.log(`check-unit: skipped: ${program} is missing (Debian: systemd, strace)`);
  process.exit(CANNOT_RUN_HERE);
}
stopChildrenOnSignals();
const folder = mkdtempSync(join(tmpdir(), "dllama-unit-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const unitText = readFileSync(UNIT, "utf8");
// Where the program is installed differs; all the rest is verified as it stands.
const unit = join(folder, "dllama-worker.service");
writeFileSync(unit, unitText.replace("/usr/local/bin/dllama", process.execPath));
const verified = await run(["systemd-analyze", "verify", "--man=no", unit]);
if (verified.problem || verified.output !== "") fail(`verify: ${verified.output}`);

const security = await run(["systemd-analyze", "security", "--offline=true", UNIT]);
const [, score] =
  /Overall exposure level for \S+: ([\d.]+)/.exec(security.output) ?? fail(security.output);
if (Number(score) > MAX_EXPOSURE)
  fail(`exposure ${score}, at most ${MAX_EXPOSURE} is written down`);

const used = await systemCallsOfASession();
const granted = allowedCalls();
const refused = used.filter((name) => !granted.has(name) && !MAY_BE_REFUSED.includes(name));
if (refused.length > 0) fail(`the unit refuses what a worker calls: ${refused.join(", ")}`);
console.log(
  `verify is silent; exposure ${score}; a session makes ${used.length} different system calls, all of them allowed`,
);

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** What the lines SystemCallFilter= of the unit leave. */
function allowedCalls() {
  const allowed = new Set();
  for (const [, tilde, groups] of unitText.matchAll(/^SystemCallFilter=(~?)(.+)$/gm)) {
    for (const call of groups.split(" ").flatMap(callsOf)) {
      if (tilde === "") allowed.add(call);
      else allowed.delete(call);
    }
  }
  return allowed;
}

function callsOf(group) {
  const lines = execFileSync("systemd-analyze", ["syscall-filter", group], { encoding: "utf8" })
    .split("\n")
    .slice(1);
  const entries = lines
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  return entries.flatMap((entry) => (entry.startsWith("@") ? callsOf(entry) : [entry]));
}

/** A worker with the unit's flags serves a root and is told to end. */
async function systemCallsOfASession() {
  const log = join(folder, "calls");
  const token = join(folder, "token");
  writeFileSync(token, "the token of a check\n", { mode: 0o600 });
  const flags = [
    "--host",
    "127.0.0.1",
    "--port",
    "0",
    "--token-file",
    token,
    "--cache-dir",
    join(folder, "cache"),
  ];
  const worker = spawn(
    "strace",
    ["-f", "-qq", "-o", log, process.execPath, main, "worker", ...flags],
    {
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    },
  );
  const end = new Promise((resolve) => worker.once("close", resolve));
  process.on("exit", () => worker.kill("SIGKILL"));
  const address = (await workerAddress(worker)) ?? fail("the worker ended under strace");
  const story = [
    "inference",
    "--quiet",
    "--prompt",
    "Once",
    "--steps",
    "8",
    "--token-file",
    token,
    "--workers",
    address,
  ];
  const { problem, output } = await run([process.execPath, main, ...story], {
    timeoutMs: TIMEOUT_MS,
  });
  // strace passes nothing on: the signal goes to its group, and so to the worker.
  process.kill(-worker.pid, "SIGTERM");
  await end;
  if (problem) fail(`a session under strace ${problem}:\n${output}`);
  const calls = readFileSync(log, "utf8").matchAll(/^\d+ +(\w+)\(/gm);
  return [...new Set([...calls].map(([, name]) => name))];
}
