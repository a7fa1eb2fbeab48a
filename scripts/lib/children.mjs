/**
 * Child processes, each in a process group of its own: a stop or a timeout reaches everything that
 * a child has started, too (the compilers of a build, the workers of a test).
 */

import { spawn } from "node:child_process";
import { constants } from "node:os";

import { CPU_TIME_FD, cpuAccount, parseCpuTime, timed } from "./cpu-time.mjs";
import { root } from "./workspace.mjs";

/** What a child that was asked to stop may still take to clean up. */
const GRACE_MS = 3000;

const running = new Set();
let stopSignal;

/**
 * Runs a program to its end, without a stdin. Never rejects: how it ended is in the result.
 *
 * @param {string[]} command the program and its arguments
 * @param {object} [options]
 * @param {"capture" | "stderr"} [options.output] kept for the result, or passed on to our stderr.
 *   Defaults to `"capture"`
 * @param {string} [options.cwd] Defaults to the repository's root
 * @param {Record<string, string>} [options.env] variables in addition to ours
 * @param {number} [options.timeoutMs] Defaults to none
 * @returns {Promise<{ exitCode: number | null, problem: string | undefined, stdout: string, output: string }>}
 *   `problem` says why this was no success; `output` is stdout and stderr as they came
 */
export function run(command, { output = "capture", cwd = root, env, timeoutMs } = {}) {
  const stdio = output === "capture" ? ["ignore", "pipe", "pipe"] : ["ignore", 2, 2];
  const account = cpuAccount();
  if (account) stdio[CPU_TIME_FD] = "pipe";
  const [program, ...args] = account ? timed(command) : command;
  const child = spawn(program, args, {
    cwd,
    stdio,
    detached: true,
    env: { ...process.env, ...env },
  });
  running.add(child);

  const captured = { stdout: "", output: "" };
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    captured.stdout += text;
    captured.output += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    captured.output += text;
  });

  let cpuTime = "";
  child.stdio[CPU_TIME_FD]?.setEncoding("utf8").on("data", (text) => {
    cpuTime += text;
  });

  let problem;
  const timer =
    timeoutMs &&
    setTimeout(() => {
      problem = `did not end within ${timeoutMs / 1000} s`;
      signalGroup(child, "SIGKILL");
    }, timeoutMs);

  return new Promise((resolve) => {
    const finish = (exitCode) => {
      clearTimeout(timer);
      running.delete(child);
      if (account) account.cpuSeconds += parseCpuTime(cpuTime);
      if (stopSignal === undefined) resolve({ exitCode, problem, ...captured });
      else exitWhenAllStopped();
    };
    child.once("error", (error) => {
      problem = `could not be started: ${error.message}`;
      finish(null);
    });
    child.once("exit", (exitCode, ownSignal) => {
      const signal = ownSignal ?? (account && signalOfCode(exitCode));
      if (signal) problem ??= `was ended by ${signal}`;
      else if (exitCode !== 0) problem ??= `ended with exit code ${exitCode}`;
      // Whatever it left behind would hold our pipes open.
      signalGroup(child, "SIGKILL");
    });
    child.once("close", finish);
  });
}

/**
 * From now on SIGINT, SIGTERM and SIGHUP stop all children, and then this process with 128 + n.
 *
 * @returns {() => void} takes that back
 */
export function stopChildrenOnSignals() {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, stop);
  return () => signals.forEach((signal) => process.off(signal, stop));
}

function stop(signal) {
  stopSignal ??= signal;
  for (const child of running) signalGroup(child, "SIGTERM");
  setTimeout(() => running.forEach((child) => signalGroup(child, "SIGKILL")), GRACE_MS).unref();
  exitWhenAllStopped();
}

function exitWhenAllStopped() {
  if (running.size === 0) process.exit(128 + constants.signals[stopSignal]);
}

/** The signal that ended a program, out of the exit code with which bash passes it on. */
function signalOfCode(exitCode) {
  return Object.keys(constants.signals).find((name) => 128 + constants.signals[name] === exitCode);
}

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group has ended already.
  }
}
