#!/usr/bin/env node
/**
 * The program `dllama`: finds the command and runs it. What costs time to load (the library, its
 * addon) is loaded by the command that needs it.
 */

import { readFileSync } from "node:fs";
import { runCommand } from "citty";
import { commandHelp, mainHelp } from "./args/help.ts";
import { asksForHelp } from "./args/parse.ts";
import { requireUtf8 } from "./args/raw-arguments.ts";
import { unknownCommand } from "./args/unknown-command.ts";
import { commands } from "./commands.ts";
import { reportFailure } from "./output/failure.ts";
import { guardStreams } from "./output/streams.ts";

/** Lines longer than this are hard to read, however wide the terminal. */
const MAX_HELP_COLUMNS = 100;

async function main(argv: readonly string[]): Promise<number> {
  requireUtf8(argv);
  const [name, ...rawArgs] = argv;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    await help(rawArgs[0]);
    return 0;
  }
  if (name === "--version") {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  const load = commands.get(name);
  if (load === undefined) throw unknownCommand(name, [...commands.keys(), "help"]);
  if (asksForHelp(rawArgs)) {
    await help(name);
    return 0;
  }
  const { command } = await load();
  const { result } = await runCommand(command, { rawArgs });
  return typeof result === "number" ? result : 0;
}

async function help(name: string | undefined): Promise<void> {
  const columns = Math.min(process.stdout.columns || 80, MAX_HELP_COLUMNS);
  if (name === undefined) {
    const loaded = await Promise.all([...commands.values()].map((load) => load()));
    const specs = loaded.map(({ spec }) => spec);
    process.stdout.write(mainHelp(version(), specs, columns));
    return;
  }
  const load = commands.get(name);
  if (load === undefined) throw unknownCommand(name, [...commands.keys()]);
  const { spec } = await load();
  process.stdout.write(commandHelp(spec, columns));
}

function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const manifest: { version: string } = JSON.parse(text);
  return manifest.version;
}

guardStreams();
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = reportFailure(error);
}
