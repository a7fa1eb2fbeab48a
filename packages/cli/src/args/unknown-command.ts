/** What to answer to a first argument that is no command. */

import { nearest } from "./suggest.ts";
import { UsageError } from "./usage-error.ts";

/** Commands that people know from other tools, and what dllama has instead. */
const foreignCommands = new Map([
  ["run", "`dllama inference --model FILE --prompt TEXT` runs a model."],
  [
    "chat",
    "There is no chat yet: `dllama inference --model FILE --prompt TEXT` continues one prompt.",
  ],
  [
    "serve",
    "There is no HTTP server yet: `dllama inference` runs a model from the command line, and `dllama worker` lends this device to one.",
  ],
  [
    "pull",
    "Nothing downloads models yet: `dllama inference --model FILE` runs a .gguf that you have, and `dllama convert FOLDER q40` makes one from Meta's checkpoint.",
  ],
]);

export function unknownCommand(typed: string, commands: readonly string[]): UsageError {
  return new UsageError(describe(typed), suggest(typed, commands));
}

function describe(typed: string): string {
  if (typed.startsWith("-")) return `expected a command before the flags, got ${typed}`;
  return foreignCommands.has(typed) ? `there is no command ${typed}` : `unknown command ${typed}`;
}

function suggest(typed: string, commands: readonly string[]): string {
  const foreign = foreignCommands.get(typed);
  if (foreign !== undefined) return foreign;
  if (typed.startsWith("-")) return `Put a command before it: dllama inference ${typed} ...`;
  if (typed.endsWith(".gguf")) return `To run it: dllama inference ${typed}`;
  const known = nearest(typed, [...commands, ...foreignCommands.keys()]);
  if (known === undefined) return "`dllama help` lists the commands.";
  return foreignCommands.get(known) ?? `Did you mean ${known}?`;
}
