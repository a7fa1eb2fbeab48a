import { test } from "uvu";
import * as assert from "uvu/assert";

import { checkModules } from "../lib/layers/rust-modules.mjs";
import { checkCrates } from "../lib/layers/rust.mjs";
import { checkTypeScript } from "../lib/layers/typescript.mjs";

const isExported = (specifier) => specifier === "@dllama/core/errors";
const rulesOf = (path, text) =>
  checkTypeScript(path, text, isExported).map(({ line, rule }) => `${line}: ${rule}`);

function breaks(path, text, rule) {
  const rules = rulesOf(path, text);
  assert.is(rules.length, 1, `${path}: ${text} gives ${JSON.stringify(rules)}`);
  assert.match(rules[0], rule);
}

test("imports go downwards only", () => {
  const order = "bindings <- core <- converter, server <- cli";
  const toCli = `\n\nimport { main } from "@dllama/cli";`;
  breaks("packages/core/src/a.ts", toCli, `3: core must not import cli: ${order}`);
  breaks(
    "packages/converter/src/a.ts",
    `export * from "@dllama/server";`,
    "must not import server",
  );
  breaks("packages/bindings/src/a.ts", `import type { A } from "@dllama/core";`, "import core");
  breaks("packages/core/src/a.ts", `type A = import("@dllama/cli").A;`, "import cli");
  breaks("packages/core/src/a.ts", `await import("@dllama/converter");`, "import converter");
  breaks("packages/core/test/a.test.ts", `import "@dllama/converter";`, "import converter");
  assert.equal(
    rulesOf("packages/cli/src/a.ts", `import { convert } from "@dllama/converter";`),
    [],
  );
  assert.equal(rulesOf("packages/core/src/a.ts", `import { Engine } from "@dllama/bindings";`), []);
});

test("inner files of another package are out of reach", () => {
  breaks("packages/cli/src/a.ts", `import "@dllama/core/src/gguf/read.ts";`, "inner file");
  breaks("packages/cli/src/a.ts", `import "../../core/src/errors.ts";`, "leaves the package");
  assert.equal(rulesOf("packages/cli/src/a.ts", `import "@dllama/core/errors";`), []);
});

test("only bindings loads the addon", () => {
  breaks("packages/core/src/a.ts", `require("dllama.linux-x64-gnu.node");`, "loads the addon");
  breaks("packages/core/src/a.ts", `import native from "./native.cjs";`, "loads the addon");
  assert.equal(rulesOf("packages/bindings/src/a.ts", `import n from "../lib/native.cjs";`), []);
});

test("only the CLI prints, reads the command line and ends the process", () => {
  const path = "packages/core/src/a.ts";
  breaks(path, `console.log("x");`, "only the CLI prints");
  breaks(path, `process.stdout.write("x");`, "only the CLI prints");
  breaks(path, `\nconst [a] = globalThis.process.argv;`, "2: only the CLI reads the command line");
  breaks(path, `process.exitCode = 1;`, "exit code");
  breaks(path, `import { argv } from "node:process";`, "process to itself");
  assert.equal(rulesOf(path, `const p = process.platform; // console.log`), []);
  assert.equal(rulesOf("packages/cli/src/a.ts", `process.stdout.write(process.argv[2]);`), []);
  assert.equal(rulesOf("packages/core/examples/a.ts", `console.log("x");`), []);
});

test("the foundations of core know nothing of what is built on them", () => {
  breaks("packages/core/src/gguf/a.ts", `import "../cluster/root.ts";`, "must not import cluster");
  breaks("packages/core/src/program/a.ts", `import "../index.ts";`, "must not import its index");
  assert.equal(rulesOf("packages/core/src/tokenizer/a.ts", `import "../gguf/a.ts";`), []);
  assert.equal(rulesOf("packages/core/src/tokenizer/a.ts", `import "../errors.ts";`), []);
  assert.equal(rulesOf("packages/core/src/cluster/a.ts", `import "../gguf/a.ts";`), []);
});

test("a package or crate that the table does not know is a violation", () => {
  breaks("packages/novel/src/a.ts", "", "package novel has no place");
  const metadata = { packages: [{ name: "dllama-novel", manifest_path: "x", dependencies: [] }] };
  assert.match(checkCrates(metadata, () => "")[0].rule, "crate dllama-novel has no place");
});

test("kernels and net do not know each other", () => {
  const crate = (name, ...dependencies) => ({
    name: `dllama-${name}`,
    manifest_path: `crates/${name}/Cargo.toml`,
    dependencies: dependencies.map((dependency) => ({ name: dependency })),
  });
  const manifest = `[dependencies]\nhalf = "2"\ndllama-net.workspace = true\n`;
  const packages = [
    crate("kernels", "half", "dllama-net"),
    crate("engine", "dllama-kernels", "dllama-net"),
  ];
  assert.equal(
    checkCrates({ packages }, () => manifest),
    [
      {
        path: "crates/kernels/Cargo.toml",
        line: 3,
        rule: "dllama-kernels must not depend on dllama-net, only on crates of others",
      },
    ],
  );
});

test("a Rust file that nobody names is found, whatever else the folder holds", () => {
  const texts = {
    "a/src/lib.rs": "mod named;\npub mod folder;\n// mod forgotten;\n",
    "a/src/named.rs": "pub(crate) mod inner;\n",
    "a/src/named/inner.rs": "",
    "a/src/folder/mod.rs": "",
    "a/src/forgotten.rs": "",
    "a/tests/program.rs": "",
    "a/tests/all/main.rs": "mod listed;\n",
    "a/tests/all/listed.rs": "",
    "a/tests/all/new.rs": "",
  };
  const found = checkModules(Object.keys(texts), (path) => texts[path]);
  assert.equal(
    found.map(({ path }) => path),
    ["a/src/forgotten.rs", "a/tests/all/new.rs"],
  );
  assert.match(found[1].rule, "write `mod new;` in a/tests/all/main.rs");
});

test.run();
