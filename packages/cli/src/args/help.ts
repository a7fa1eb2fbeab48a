/** Help texts, written from the commands' tables and wrapped to the terminal. */

import type { AnyFlag, CommandSpec } from "./command-spec.ts";
import { wrap } from "../output/wrap.ts";

/** Flags' column; longer ones put their description on the next line. */
const LEFT_WIDTH = 28;
/** Below this the two columns would leave no room for words. */
const NARROW = 64;
/** Choices that together are longer are listed in the description. */
const MAX_CHOICES = 40;
const DEFAULT_GROUP = "Options";

/** What the main help says of each command. */
export interface CommandSummary {
  name: string;
  summary: string;
}

export function commandHelp(spec: CommandSpec, columns: number): string {
  const positionals = Object.values(spec.positionals);
  const usage = positionals.map(({ placeholder, required }) =>
    required ? placeholder : `[${placeholder}]`,
  );
  const lines = [
    ...wrap(`${spec.summary}.`, columns),
    "",
    "Usage:",
    `  ${["dllama", spec.name, ...usage, "[flags]"].join(" ")}`,
  ];
  if (positionals.length > 0) {
    lines.push("", "Arguments:");
    for (const { placeholder, type, description } of positionals) {
      lines.push(...row(choices(placeholder, type), capitalise(description), columns));
    }
  }
  for (const [group, flags] of groups(spec)) {
    lines.push("", `${group}:`);
    for (const [name, flag] of flags)
      lines.push(...row(flagSpelling(name, flag), flagDescription(flag), columns));
  }
  lines.push("", "Examples:", ...spec.examples.map((example) => `  ${example}`));
  for (const note of spec.notes ?? []) lines.push("", ...wrap(note, columns));
  return `${lines.join("\n")}\n`;
}

export function mainHelp(
  version: string,
  commands: readonly CommandSummary[],
  columns: number,
): string {
  const lines = [
    ...wrap(`dllama ${version}: run one large language model over several devices.`, columns),
    "",
    "Usage:",
    "  dllama COMMAND [flags]",
    "",
    "Commands:",
    ...commands.flatMap(({ name, summary }) => row(name, `${summary}.`, columns, 14)),
    "",
    "Flags:",
    ...row(
      "-h, --help",
      "Show this help; behind a command, the help of that command.",
      columns,
      14,
    ),
    ...row("--version", "Show the version.", columns, 14),
    "",
    "Examples:",
    '  dllama inference --prompt "Once upon a time" --steps 64',
    "  dllama convert llama-2-7b q40",
    "",
  ];
  return lines.join("\n");
}

function groups(spec: CommandSpec): Map<string, [string, AnyFlag][]> {
  const byGroup = new Map<string, [string, AnyFlag][]>();
  for (const entry of Object.entries(spec.flags)) {
    const group = entry[1].group ?? DEFAULT_GROUP;
    byGroup.set(group, [...(byGroup.get(group) ?? []), entry]);
  }
  return byGroup;
}

function flagSpelling(name: string, flag: AnyFlag): string {
  const aliases = flag.aliases ?? [];
  const short = aliases.filter((alias) => !alias.startsWith("--"));
  const long = aliases.filter((alias) => alias.startsWith("--"));
  const names = [...short, `--${name}`, ...long].join(", ");
  return flag.kind === "toggle" ? names : choices(`${names} ${flag.placeholder}`, flag.type);
}

interface MayHaveChoices {
  readonly choices?: readonly string[];
  readonly example?: string;
}

/** `--format FORMAT` reads better as `--format report|text|json`. */
function choices(spelling: string, type: MayHaveChoices): string {
  if (type.choices === undefined || areMany(type.choices)) return spelling;
  const accepted = type.example === undefined ? type.choices : [...type.choices, type.example];
  return spelling.replace(/\S+$/, accepted.join("|"));
}

function areMany(words: readonly string[]): boolean {
  return words.join("|").length > MAX_CHOICES;
}

function flagDescription(flag: AnyFlag): string {
  if (flag.kind === "toggle") return flag.description;
  const words: MayHaveChoices = flag.type;
  const list =
    words.choices !== undefined && areMany(words.choices)
      ? ` One of: ${words.choices.join(", ")}.`
      : "";
  const standard = flag.defaultText ?? flag.default?.toString();
  return `${flag.description}${list}${standard === undefined ? "" : ` Default: ${standard}.`}`;
}

function row(left: string, description: string, columns: number, leftWidth = LEFT_WIDTH): string[] {
  const indent = columns < NARROW ? 6 : leftWidth + 2;
  const words = wrap(description, columns - indent).map((line) => " ".repeat(indent) + line);
  const head = `  ${left}`;
  // Two spaces at least between the columns, else the description begins below.
  if (columns < NARROW || head.length + 2 > indent) return [head, ...words];
  const [first = "", ...more] = words;
  return [head + first.slice(head.length), ...more];
}

function capitalise(sentence: string): string {
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}
