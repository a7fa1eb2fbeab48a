/** Folders of users who have no home, and folders that cannot be made or do not answer. */

import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { cacheFolder } from "../src/cache-folder.ts";
import { answeringFolder, endsWithin, folderProblem } from "../src/cluster/usable-folder.ts";
import { KeptJson } from "../src/cluster/kept-json.ts";
import { storedTokenPath } from "../src/cluster/token-file.ts";
import { rootTrust, workerToken } from "../src/cluster/trust.ts";
import { configFolder } from "../src/config-folder.ts";
import { homeFolder } from "../src/home-folder.ts";
import { makeFolder } from "../src/make-folder.ts";
import { expectError } from "./support/expect-error.ts";
import { folder } from "./support/temporary-files.ts";

test("without a home there is no folder, and where a variable names one nobody asks for the home", () => {
  const home = (): undefined => undefined;
  assert.is(cacheFolder({ environment: {}, home }), undefined);
  assert.is(configFolder({ environment: {}, home }), undefined);
  const asked = (): never => {
    throw new Error("asked for the home");
  };
  assert.is(cacheFolder({ environment: { XDG_CACHE_HOME: "/c" }, home: asked }), "/c/dllama");
  assert.is(configFolder({ environment: { XDG_CONFIG_HOME: "/c" }, home: asked }), "/c/dllama");
});

test("a HOME that is no absolute path is none", () => {
  const before = process.env["HOME"];
  process.env["HOME"] = "relative";
  try {
    assert.is(homeFolder(), undefined);
  } finally {
    if (before === undefined) delete process.env["HOME"];
    else process.env["HOME"] = before;
  }
});

test("without a home a token has to be given, and then nothing else is looked for", async () => {
  process.env["HOME"] = "";
  process.env["XDG_CONFIG_HOME"] = "";
  process.env["DLLAMA_TOKEN"] = "";
  assert.is(storedTokenPath(), undefined);
  const root = await expectError("TOKEN_MISSING", ["no home folder"], () => rootTrust({}));
  const worker = await expectError("TOKEN_MISSING", ["no home folder"], () => workerToken({}));
  for (const { hint } of [root, worker]) assert.match(hint ?? "", /DLLAMA_TOKEN.*--token-file/);
  process.env["DLLAMA_TOKEN"] = "a token of the environment";
  assert.equal(await rootTrust({}), { token: "a token of the environment" });
  assert.is((await workerToken({}))?.origin, "environment");
});

test("without a folder nothing is kept and nothing found", async () => {
  const read = (value: unknown): unknown => value;
  const kept = new KeptJson(undefined, { folder: "nothing", name: "it", read }, { of: 1 });
  await kept.write(1);
  assert.is(await kept.read(), undefined);
  assert.not.ok(existsSync("nothing"), "nothing is left in the working directory");
});

test("a folder is made with those above it, and may be there already", async () => {
  const deep = join(folder, "a/b/c");
  await Promise.all([makeFolder(deep, 0o700), makeFolder(deep, 0o700)]);
  assert.is(statSync(join(folder, "a/b")).mode & 0o777, 0o700, "nobody else's");
  assert.is(await folderProblem(deep), undefined);
});

test("a folder that cannot be made is an error at once", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  assert.match((await folderProblem(join(file, "below"))) ?? "", /ENOTDIR/);
  if (process.platform === "linux") {
    // The parent exists, and the system says ENOENT all the same: Node's `recursive` would spin for ever.
    assert.match((await folderProblem("/proc/dllama/weights")) ?? "", /ENOENT/);
  }
});

test("nobody waits for ever for a folder that does not answer", async () => {
  const never = new Promise<void>(() => {});
  assert.not.ok(await endsWithin(10, never));
  assert.ok(await endsWithin(10_000, Promise.resolve()));
  await endsWithin(10_000, Promise.reject(new Error("told"))).then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), "told"),
  );
  mkdirSync(join(folder, "there"));
  assert.is(await answeringFolder(join(folder, "there")), join(folder, "there"));
  assert.is(await answeringFolder(join(folder, "not yet there")), join(folder, "not yet there"));
  assert.is(await answeringFolder(undefined), undefined);
});

test.run();
