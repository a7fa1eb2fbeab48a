/** The build removes what was compiled from sources that are gone. */

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { removeOrphans } from "../lib/orphans.mjs";
import { temporaryFolder } from "./temporary-folder.mjs";

function write(folder, ...paths) {
  for (const path of paths) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), "");
  }
}

test("what has its source stays, and so does the compiler's memory", () => {
  const folder = temporaryFolder();
  const kept = ["a.d.ts", "a.js", "b/c.d.ts", "b/c.js", "tsconfig.tsbuildinfo"];
  write(folder, "src/a.ts", "src/b/c.ts", ...kept.map((path) => `dist/${path}`));
  write(folder, "dist/gone.js", "dist/gone.d.ts", "dist/b/a.js", "dist/a.js.map");
  removeOrphans(folder);
  const left = readdirSync(join(folder, "dist"), { recursive: true });
  assert.equal(left.toSorted(), ["b", ...kept].toSorted());
});

test("a package that was not compiled yet has none", () => {
  removeOrphans(temporaryFolder());
});

test.run();
