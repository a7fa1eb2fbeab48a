/**
 * A command line as data. Parsing, checking, help text and suggestions all come from these tables:
 * a new flag is one entry. Keys of `flags` are the flags' names without the dashes.
 */

import type { ValueType } from "./value-types.ts";

interface Described {
  readonly description: string;
}

interface Flag extends Described {
  /** Other spellings, dashes included. */
  readonly aliases?: readonly string[];
  /** The heading that help lists the flag under. */
  readonly group?: string;
}

/** On when given; takes no value. */
export interface Toggle extends Flag {
  readonly kind: "toggle";
}

interface Valued<T> extends Flag {
  /** What help shows in the value's place. */
  readonly placeholder: string;
  readonly type: ValueType<T>;
  /** What happens without the flag, where `default` cannot say it. */
  readonly defaultText?: string;
}

/** One value; the last one given counts. */
export interface Option<T> extends Valued<T> {
  readonly kind: "option";
  readonly default?: T & (string | number);
}

/** Values up to the next flag, separated by spaces or commas; the flag may be repeated. */
export interface List<T> extends Valued<T> {
  readonly kind: "list";
  readonly default?: readonly T[];
}

export type ValuedFlag = Option<unknown> | List<unknown>;
export type AnyFlag = Toggle | ValuedFlag;

export interface Positional<T> extends Described {
  readonly placeholder: string;
  readonly type: ValueType<T>;
  readonly required: boolean;
  /** What to do instead when an argument stands here that is none of it. */
  readonly hint?: string;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly positionals: Readonly<Record<string, Positional<unknown>>>;
  readonly flags: Readonly<Record<string, AnyFlag>>;
  readonly examples: readonly string[];
  /** Paragraphs at the end of the help text. */
  readonly notes?: readonly string[];
}

type FlagValue<F> = F extends Toggle
  ? boolean
  : F extends List<infer T>
    ? T[]
    : F extends { type: ValueType<infer T> }
      ? F extends { default: unknown }
        ? T
        : T | undefined
      : never;

type PositionalValue<P> =
  P extends Positional<infer T> ? (P extends { required: true } ? T : T | undefined) : never;

export type ParsedFlags<S extends CommandSpec> = {
  [K in keyof S["flags"]]: FlagValue<S["flags"][K]>;
};
export type ParsedPositionals<S extends CommandSpec> = {
  [K in keyof S["positionals"]]: PositionalValue<S["positionals"][K]>;
};

export interface Parsed<S extends CommandSpec> {
  flags: ParsedFlags<S>;
  positionals: ParsedPositionals<S>;
}

/** Every spelling, dashes included, and the flag that it stands for. */
export function spellings(spec: CommandSpec): Map<string, { name: string; flag: AnyFlag }> {
  return new Map(
    Object.entries(spec.flags).flatMap(([name, flag]) =>
      [`--${name}`, ...(flag.aliases ?? [])].map((spelling) => [spelling, { name, flag }] as const),
    ),
  );
}
