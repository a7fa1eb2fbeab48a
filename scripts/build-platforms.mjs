/**
 * Compiles the addon for all platforms, or for those that are named, on one x64 Linux machine, puts
 * each file into its package, and checks it: `node scripts/build-platforms.mjs [--install] [platform ...]`.
 * With `--install` it installs what the machine lacks for that, and asks sudo if need be.
 */

import { join } from "node:path";

import { run, stopChildrenOnSignals } from "./lib/children.mjs";
import { compile } from "./lib/platforms/compile.mjs";
import { judge } from "./lib/platforms/judge.mjs";
import { report } from "./lib/platforms/report.mjs";
import { missingFor } from "./lib/platforms/requirements.mjs";
import { platforms } from "./lib/platforms/table.mjs";
import { root } from "./lib/workspace.mjs";

const say = (line) => process.stderr.write(`${line}\n`);

/** @returns {Promise<number>} exit code */
async function main(args) {
  const installs = args.includes("--install");
  const names = args.filter((arg) => arg !== "--install");
  const unknown = names.find((name) => !platforms.some((platform) => platform.name === name));
  if (unknown !== undefined) {
    say(`expected platforms of ${platforms.map(({ name }) => name).join(", ")}, got ${unknown}`);
    return 2;
  }
  const chosen = platforms.filter(({ name }) => names.length === 0 || names.includes(name));
  for (const platform of chosen) {
    const problem = (await prepare(platform, installs)) ?? (await build(platform));
    if (problem) {
      say(`${platform.name}: ${problem}`);
      return 1;
    }
  }
  const judgements = chosen.map(({ folder, file }) => judge(join(root, folder, file)));
  console.log(report(judgements));
  return judgements.every(({ problems }) => problems.length === 0) ? 0 : 1;
}

async function build(platform) {
  say(`Compiling for ${platform.name} ...`);
  return compile(platform);
}

/** @returns {Promise<string | undefined>} what is missing and how to install it */
async function prepare(platform, installs) {
  const problems = [];
  for (const { says, install } of missingFor(platform)) {
    if (installs) problems.push(...(await runAll(install)));
    else problems.push(`${says}:`, ...install.map((command) => `  ${command.join(" ")}`));
  }
  if (problems.length === 0) return undefined;
  if (installs) return `could not install what is missing:\n${problems.join("\n")}`;
  const end = "With --install, this script runs these commands.";
  return ["this machine lacks what it is built with.", ...problems, end].join("\n");
}

/** @returns {Promise<string[]>} why one of them failed, which ends it */
async function runAll(commands) {
  for (const command of commands) {
    say(command.join(" "));
    const { problem } = await run(command, { output: "stderr" });
    if (problem) return [`${command.join(" ")} ${problem}`];
  }
  return [];
}

stopChildrenOnSignals();
process.exitCode = await main(process.argv.slice(2));
