/** The file that is written: whole under its name, or not there at all. */

import { execFileSync } from "node:child_process";
import { link, lstat, open, readFile, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fileError } from "../src/file-error.ts";
import { convert } from "../src/index.ts";
import { OutputFile } from "../src/output-file.ts";
import { assertRejects } from "./errors.ts";
import { SMALL_PARAMS, withFolder, writeCheckpoint } from "./synthetic/checkpoint.ts";

test("an existing file is kept without force, and replaced with it", () =>
  withFolder(async (parent) => {
    const folder = join(parent, "model");
    await writeCheckpoint(folder);
    const output = join(parent, "model-f16.gguf");
    await writeFile(output, "mine");
    const error = await assertRejects(
      () => convert({ folder, type: "f16" }),
      "FILE_EXISTS",
      output,
    );
    assert.match(error.hint ?? "", "--force");
    assert.is(await readFile(output, "utf8"), "mine");
    const plan = await convert({ folder, type: "f16", force: true });
    assert.is((await stat(output)).size, plan.nBytes);
    assert.equal((await readdir(parent)).toSorted(), ["model", "model-f16.gguf"]);
  }));

test("a dangling link, too, is something that exists", () =>
  withFolder(async (folder) => {
    await writeCheckpoint(folder);
    const output = join(folder, "out.gguf");
    await symlink("/no/such/place", output);
    await assertRejects(() => convert({ folder, type: "f16", output }), "FILE_EXISTS", output);
  }));

test("a folder in the output's place is refused even with force", () =>
  withFolder(async (folder) => {
    await writeCheckpoint(folder);
    await assertRejects(
      () => convert({ folder, type: "f16", output: folder, force: true }),
      "FILE_EXISTS",
      "is a folder",
    );
  }));

test("nothing but a plain file is replaced, not even with force", () =>
  withFolder(async (parent) => {
    const folder = join(parent, "model");
    await writeCheckpoint(folder);
    const run = (output: string) => convert({ folder, type: "f16", output, force: true });
    const pipe = join(parent, "pipe");
    execFileSync("mkfifo", [pipe]);
    await assertRejects(() => run(pipe), "FILE_EXISTS", `${pipe} is a device, a pipe or a socket`);
    await assertRejects(() => run("/dev/null"), "FILE_EXISTS", "/dev/null is a device");
    assert.ok((await lstat(pipe)).isFIFO());
    assert.ok((await lstat("/dev/null")).isCharacterDevice());
    const [file, toFile] = [join(parent, "file"), join(parent, "to-file")];
    await writeFile(file, "mine");
    await symlink(file, toFile);
    await assertRejects(() => run(toFile), "FILE_EXISTS", `${toFile} is a symbolic link`);
    assert.is(await readFile(toFile, "utf8"), "mine");
    assert.equal((await readdir(parent)).toSorted(), ["file", "model", "pipe", "to-file"]);
  }));

test("what the model is made from is not replaced, whatever it is called", () =>
  withFolder(async (parent) => {
    const folder = join(parent, "model");
    await writeCheckpoint(folder);
    const hardLink = join(parent, "hard.gguf");
    await link(join(folder, "tokenizer.model"), hardLink);
    const around = join(parent, "around");
    await symlink(folder, around);
    for (const output of [
      join(folder, "consolidated.00.pth"),
      join(folder, "params.json"),
      join(around, "tokenizer.model"),
      hardLink,
    ]) {
      const before = await readFile(output);
      await assertRejects(
        () => convert({ folder, type: "f16", output, force: true }),
        "FILE_EXISTS",
        `${output} is a file that the model is made from`,
      );
      assert.ok(before.equals(await readFile(output)));
    }
  }));

test("a file that appears meanwhile is kept", () =>
  withFolder(async (folder) => {
    await writeCheckpoint(folder);
    const output = join(folder, "out.gguf");
    const written: Promise<void>[] = [];
    const onProgress = () => {
      if (written.length === 0) written.push(writeFile(output, "theirs"));
    };
    await assertRejects(
      () => convert({ folder, type: "f16", output }, { onProgress }),
      "FILE_EXISTS",
      output,
    );
    assert.is(await readFile(output, "utf8"), "theirs");
    assert.equal(
      (await readdir(folder)).filter((name) => name.includes("tmp")),
      [],
    );
  }));

test("aborted at any time, nothing is left", () =>
  withFolder(async (folder) => {
    await writeCheckpoint(folder);
    const before = await readdir(folder);
    for (const nReports of [0, 1, 7]) {
      const abort = new AbortController();
      let seen = 0;
      if (nReports === 0) abort.abort();
      const onProgress = () => {
        seen += 1;
        if (seen === nReports) abort.abort();
      };
      const output = join(folder, "out.gguf");
      const control = { onProgress, signal: abort.signal };
      await assertRejects(() => convert({ folder, type: "f32", output }, control), "ABORTED");
      assert.is(seen, nReports);
      assert.equal(await readdir(folder), before);
    }
  }));

test("an error of the listener's leaves nothing either", () =>
  withFolder(async (folder) => {
    await writeCheckpoint(folder);
    const before = await readdir(folder);
    const onProgress = () => {
      throw new RangeError("mine");
    };
    try {
      await convert({ folder, type: "f32", output: join(folder, "x.gguf") }, { onProgress });
      assert.unreachable();
    } catch (error) {
      assert.instance(error, RangeError);
    }
    assert.equal(await readdir(folder), before);
  }));

test("a model larger than the disk is refused before anything is written", () =>
  withFolder(async (folder) => {
    await writeCheckpoint(folder);
    // 820 TiB as f32; the parts are not looked at before the disk is.
    const params = { ...SMALL_PARAMS, dim: 2 ** 17, n_layers: 2 ** 10, n_heads: 2 ** 10 };
    await writeFile(join(folder, "params.json"), JSON.stringify(params));
    const before = await readdir(folder);
    const output = join(folder, "out.gguf");
    await assertRejects(
      () => convert({ folder, type: "f32", output }),
      "NO_SPACE",
      output,
      "are free",
    );
    assert.equal(await readdir(folder), before);
  }));

test("an output in a folder that does not exist", () =>
  withFolder(async (folder) => {
    await writeCheckpoint(folder);
    const output = join(folder, "none", "out.gguf");
    await assertRejects(() => convert({ folder, type: "f16", output }), "FILE_NOT_FOUND", "none");
  }));

test("a disk that fills up while it is written", async () => {
  const full = await open("/dev/full", "w").catch(() => undefined);
  if (full === undefined) return console.log("skipped: this system has no /dev/full");
  try {
    const run = async () => {
      try {
        await full.write("x");
      } catch (error) {
        throw fileError("m.gguf", error);
      }
    };
    await assertRejects(run, "NO_SPACE", "m.gguf");
  } finally {
    await full.close();
  }
});

test("what is written stands under a temporary name until it is published", () =>
  withFolder(async (folder) => {
    const target = join(folder, "m.gguf");
    const file = await OutputFile.create(target);
    await file.write(Buffer.from("abc"));
    await file.padTo(5);
    await file.padTo(5);
    assert.is(file.position, 5);
    const [name = ""] = await readdir(folder);
    assert.match(name, /^m\.gguf\.\d+-[0-9a-f]{6}\.tmp$/);
    await file.publish(false);
    assert.equal(await readFile(target), Buffer.from("abc\0\0"));
    assert.equal(await readdir(folder), ["m.gguf"]);
  }));

test.run();
