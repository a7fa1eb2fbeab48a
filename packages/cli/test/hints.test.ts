/**
 * Every command, flag and word of a hint is one that works: whoever follows a hint must not meet an error
 * about the hint. The texts are those of all sources, found by how they are written.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

import type { CommandSpec } from "../src/args/command-spec.ts";
import { spellings } from "../src/args/command-spec.ts";
import { parse } from "../src/args/parse.ts";
import type { ValueType } from "../src/args/value-types.ts";
import { commands } from "../src/commands.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

const specs = new Map<string, CommandSpec>();
for (const [name, load] of commands) {
  // oxlint-disable-next-line no-await-in-loop -- five files
  specs.set(name, (await load()).spec);
}

/** Flags of other programs that hints name, with the program. */
const FOREIGN: ReadonlyMap<string, string> = new Map([
  ["--merge", "llama-gguf-split"],
  ["--pure", "llama-quantize"],
  ["--external", "esbuild"],
  ["--omit", "npm"],
  ["--no-optional", "npm"],
]);

/** Flags of the program itself. */
const OWN = ["--help", "--version"];

interface Source {
  path: string;
  /** Without comments of whole lines, which only developers read. */
  text: string;
}

function sources(): Source[] {
  const areas = ["cli", "core", "converter", "bindings"]
    .map((name) => join("packages", name, "src"))
    .concat(
      "packages/bindings/native",
      ...["net", "engine"].map((name) => join("crates", name, "src")),
    );
  return areas.flatMap((area) =>
    readdirSync(join(root, area), { recursive: true, encoding: "utf8" })
      .filter((entry) => /\.(ts|rs)$/.test(entry))
      .map((entry) => {
        const path = join(area, entry);
        const text = readFileSync(join(root, path), "utf8").replace(/^\s*(\/\/|\/?\*).*$/gm, "");
        return { path, text };
      }),
  );
}

const all = sources();

/** A command line of ours inside a text, up to what ends it there. */
const COMMAND =
  /dllama (inference|bench|plan|worker|convert)((?: (?:"[^"\n]*"|\$\{[^}]*\}|[^\s"`\\;)])+)*)/g;

/** As words; what is filled in at run time stands for some word. */
function words(rest: string): string[] {
  const [sentence = ""] = rest.replace(/\$\{[^}]*\}/g, "X").split(/[.?](?:\s|$)/);
  const filled = sentence.trim();
  const parts = filled.match(/"[^"]*"|\S+/g) ?? [];
  return parts.map((word) => word.replace(/^["']|["'.,:?]+$/g, ""));
}

/** Up to the first word of prose: placeholders are capitals, values lie behind their flags. */
function commandLine(name: string, given: readonly string[]): string[] {
  const line: string[] = [];
  for (const [n, word] of given.entries()) {
    const isAfterFlag = given[n - 1]?.startsWith("-") === true;
    const isPositional = name === "convert" && /^(q40|q80|f16|f32)$/.test(word);
    if (!word.startsWith("-") && !/^[A-Z]/.test(word) && !isAfterFlag && !isPositional) break;
    line.push(word);
  }
  return line;
}

function someValue(type: ValueType<unknown>): string {
  const values = [...(type.choices ?? []), "1", "host", "2gib"];
  return values.find((value) => type.read(value) !== undefined) ?? "";
}

test("every command line in a text is accepted by its command", () => {
  let nLines = 0;
  for (const { path, text } of all) {
    for (const [, name = "", rest = ""] of text.matchAll(COMMAND)) {
      const spec = specs.get(name);
      assert.ok(spec, `${path}: dllama ${name}`);
      const line = commandLine(name, words(rest));
      // A text may name a command, or a flag of it, without the rest.
      if (line.length === 0) continue;
      const last = line.at(-1) ?? "";
      const flag = spellings(spec).get(last)?.flag;
      if (flag !== undefined && flag.kind !== "toggle") line.push(someValue(flag.type));
      const typed =
        name === "inference" && !line.some((word) => word === "-m" || word === "--model");
      const args = typed ? line.map((word) => (/^[A-Z]+$/.test(word) ? "X.gguf" : word)) : line;
      try {
        parse(spec, args);
      } catch (error) {
        assert.unreachable(`${path}: dllama ${name} ${args.join(" ")}: ${String(error)}`);
      }
      nLines++;
    }
  }
  assert.ok(nLines >= 10, `only ${nLines} command lines were found`);
});

test("every flag in a text is one of a command's", () => {
  const known = new Set([...specs.values()].flatMap((spec) => [...spellings(spec).keys()]));
  let nFlags = 0;
  for (const { path, text } of all) {
    for (const [, flag = ""] of text.matchAll(/(?<![\w-])(--[a-z][a-z-]*[a-z])(?![\w-])/g)) {
      // git's own, which the program runs itself.
      if (path.endsWith("source-commit.ts")) continue;
      const program = FOREIGN.get(flag);
      const isKnown = known.has(flag) || OWN.includes(flag);
      assert.ok(isKnown || (program !== undefined && text.includes(program)), `${path}: ${flag}`);
      nFlags++;
    }
  }
  assert.ok(nFlags >= 50, `only ${nFlags} flags were found`);
});

test("every environment variable of ours in a text is read somewhere", () => {
  for (const { path, text } of all) {
    for (const [name] of text.matchAll(/DLLAMA_[A-Z_]+/g)) {
      const reads = new RegExp(
        `(env\\["${name}"\\]|var(_os)?\\("${name}"\\)|option_env!\\("${name}"\\))`,
      );
      assert.ok(
        all.some((source) => reads.test(source.text)) || name === "DLLAMA_ISA",
        `${path}: ${name}`,
      );
    }
  }
});

test("the examples of a command are accepted by it", () => {
  for (const spec of specs.values()) {
    for (const example of spec.examples) {
      const [, line = ""] = /(?:^|\| )dllama \w+ ?(.*)$/.exec(example) ?? [];
      try {
        parse(spec, words(line));
      } catch (error) {
        assert.unreachable(`${example}: ${String(error)}`);
      }
    }
  }
});

test.run();
