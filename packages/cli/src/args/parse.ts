/**
 * Reads a command line by its table. citty's own parser keeps the last of a repeated flag, lets
 * unknown flags pass and cannot tell an empty value from a missing one; this one works on the raw
 * arguments and refuses what it does not know.
 *
 * Spellings: `--flag value`, `--flag=value`, `-n 5`, `-n5`, `-n=5`; `--` ends the flags.
 */

import { spellings } from "./command-spec.ts";
import type { AnyFlag, CommandSpec, Parsed, ValuedFlag } from "./command-spec.ts";
import { nearest } from "./suggest.ts";
import { UsageError } from "./usage-error.ts";
import type { ValueType } from "./value-types.ts";

/** @throws {UsageError} what was expected, what came, and the nearest right thing */
export function parse<const S extends CommandSpec>(spec: S, argv: readonly string[]): Parsed<S> {
  const known = spellings(spec);
  const values: Record<string, unknown> = {};
  const rest = [...argv];
  const positionals: string[] = [];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--") {
      positionals.push(...rest.splice(0));
    } else if (arg.startsWith("-") && arg !== "-") {
      const typed = splitFlag(arg, known, spec);
      values[typed.name] = readFlag(typed, values[typed.name], rest, known);
    } else {
      positionals.push(arg);
    }
  }
  for (const [name, flag] of Object.entries(spec.flags)) values[name] ??= withoutFlag(flag);
  // Every value was read by the type that its table entry names.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { flags: values, positionals: readPositionals(spec, positionals) } as Parsed<S>;
}

/** `--help` and `-h` win over everything else on the line, mistakes included. */
export function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const flags = argv.slice(0, end < 0 ? argv.length : end);
  return flags.includes("--help") || flags.includes("-h");
}

type Known = ReadonlyMap<string, { name: string; flag: AnyFlag }>;

interface TypedFlag {
  /** As typed, for messages. */
  spelling: string;
  name: string;
  flag: AnyFlag;
  /** The value after `=`, or right behind a short flag. */
  attached: string | undefined;
}

function withoutFlag(flag: AnyFlag): unknown {
  if (flag.kind === "toggle") return false;
  return flag.kind === "list" ? [...(flag.default ?? [])] : flag.default;
}

function splitFlag(arg: string, known: Known, spec: CommandSpec): TypedFlag {
  const [, spelling = arg, attached] = /^([^=]+)=(.*)$/s.exec(arg) ?? [];
  const found = known.get(spelling);
  if (found !== undefined) return { spelling, ...found, attached };
  // Only digits may stand right behind a short flag: `-n5` is clear, `-steps` is a mistyped
  // `--steps`.
  const [, short = "", digits] = /^(-[a-z])([-+]?[\d.].*)$/s.exec(arg) ?? [];
  const foundShort = known.get(short);
  if (foundShort !== undefined) return { spelling: short, ...foundShort, attached: digits };
  const suggestion = nearest(spelling.replace(/^-(?=[^-].)/, "--"), known.keys());
  throw new UsageError(
    `unknown flag ${spelling}`,
    suggestion === undefined ? usageHint(spec) : `Did you mean ${suggestion}?`,
  );
}

/** The flag's value; takes what belongs to it from the front of `rest`. */
function readFlag(typed: TypedFlag, before: unknown, rest: string[], known: Known): unknown {
  const { spelling, flag, attached } = typed;
  if (flag.kind === "toggle") {
    if (attached === undefined) return true;
    throw new UsageError(`${spelling} takes no value, got ${quote(attached)}`);
  }
  if (flag.kind === "option") {
    return readValue(spelling, flag.type, attached ?? takeValue(spelling, flag, rest, known));
  }
  const texts = attached === undefined ? takeList(spelling, flag, rest) : [attached];
  // "a, b" arrives as "a," and "b": a comma at the end separates nothing.
  const items = texts.flatMap((text) => text.replace(/,$/, "").split(","));
  const values = items.map((item) => readValue(spelling, flag.type, item.trim()));
  return Array.isArray(before) ? before.concat(values) : values;
}

function takeValue(spelling: string, flag: ValuedFlag, rest: string[], known: Known): string {
  const [value] = rest;
  if (value === undefined) throw missingValue(spelling, flag);
  // A prompt may begin with a dash ("- item"), a number may be negative: only what can be a flag is
  // one.
  if (value === "--" || /^--[a-z][\w-]*(=|$)/i.test(value) || known.has(value)) {
    throw missingValue(spelling, flag, `If ${value} is the value: ${spelling}=${value}`);
  }
  rest.shift();
  return value;
}

function takeList(spelling: string, flag: ValuedFlag, rest: string[]): string[] {
  const end = rest.findIndex((arg) => arg.startsWith("-"));
  const texts = rest.splice(0, end < 0 ? rest.length : end);
  if (texts.length === 0) throw missingValue(spelling, flag);
  return texts;
}

function readPositionals(spec: CommandSpec, given: readonly string[]): Record<string, unknown> {
  const entries = Object.entries(spec.positionals);
  const values = entries.map(([key, { placeholder, type, required, description, hint }], i) => {
    const text = given[i];
    if (text !== undefined) return [key, readValue(placeholder, type, text, hint)];
    if (!required) return [key, undefined];
    throw new UsageError(`${placeholder} is missing: ${description}`, usageHint(spec));
  });
  const surplus = given[entries.length];
  if (surplus !== undefined) {
    const hint = entries.at(-1)?.[1].hint ?? usageHint(spec);
    throw new UsageError(`unexpected argument ${quote(surplus)}`, hint);
  }
  return Object.fromEntries(values);
}

function readValue<T>(name: string, type: ValueType<T>, text: string, hint?: string): T {
  const value = type.read(text);
  if (value !== undefined) return value;
  const suggestion = type.choices === undefined ? undefined : nearest(text, type.choices);
  throw new UsageError(
    `${name} expects ${type.expected}, got ${quote(text)}`,
    suggestion === undefined ? hint : `Did you mean ${suggestion}?`,
  );
}

function missingValue(spelling: string, flag: ValuedFlag, hint?: string): UsageError {
  return new UsageError(`${spelling} needs a value: ${flag.type.expected}`, hint);
}

function usageHint(spec: CommandSpec): string {
  return `\`dllama ${spec.name} --help\` shows the usage.`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
