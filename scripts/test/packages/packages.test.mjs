/** What the check of packed packages finds. */

import { test } from "uvu";
import * as assert from "uvu/assert";

import { contentProblems, contents } from "../../lib/packages/contents.mjs";
import { manifestProblems } from "../../lib/packages/manifests.mjs";

const core = {
  name: "@dllama/core",
  folder: "packages/core",
  files: ["LICENSE", "README.md", "dist/errors.d.ts", "dist/errors.js", "dist/index.js"],
  manifest: {
    version: "0.1.0",
    description: "",
    license: "MIT",
    repository: {},
    engines: {},
    files: [],
  },
};
const withManifest = (changes) => [{ ...core, manifest: { ...core.manifest, ...changes } }];

test("a compiled file with its source is no news, and anything else is", () => {
  const got = contents([{ ...core, files: [...core.files, "dist/gone.js", "src/index.ts"] }]);
  assert.equal(got, [
    "@dllama/core LICENSE",
    "@dllama/core README.md",
    "@dllama/core dist/**/*.d.ts of a source",
    "@dllama/core dist/**/*.js of a source",
    "@dllama/core dist/gone.js",
    "@dllama/core src/index.ts",
  ]);
  const problems = contentProblems(contents([core]), got);
  assert.match(problems.join("\n"), /new in a package: @dllama\/core dist\/gone\.js\n/);
  assert.match(problems.at(-1), "--write");
});

test("a file that is gone is told, but not an addon that was not built here", () => {
  const expected = ["a README.md", "a x.node"];
  assert.match(contentProblems(expected, [])[0], "gone from a package: a README.md");
  assert.equal(contentProblems(expected, ["a README.md"]), []);
});

test("a manifest that is right has no problem", () => {
  assert.equal(manifestProblems([core]), []);
});

test("what would not work for people", () => {
  const cases = [
    [{ scripts: { postinstall: "node build.js" } }, "install script postinstall"],
    [{ private: true }, "is private"],
    [{ dependencies: { "@dllama/bindings": "workspace:*" } }, "version is that of the workspace"],
    [{ exports: { ".": { "dllama-source": "./src/index.ts" } } }, "name sources"],
    [{ license: undefined }, "has no license"],
  ];
  for (const [changes, expected] of cases) {
    assert.match(manifestProblems(withManifest(changes))[0], expected);
  }
  assert.match(manifestProblems([{ ...core, files: ["LICENSE"] }])[0], "has no README.md");
  const other = withManifest({ version: "0.2.0" });
  assert.match(manifestProblems([core, ...other])[0], "one version, got 0.1.0, 0.2.0");
});

test.run();
