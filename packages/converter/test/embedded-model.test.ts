/**
 * The model that comes with the library is what the converter makes of the fixture, byte for byte.
 * After a change that is meant: `UPDATE_EMBEDDED_MODEL=1` writes it anew.
 */

import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { convert } from "../src/index.ts";
import { FIXTURES, withFolder } from "./synthetic/checkpoint.ts";

const EMBEDDED = fileURLToPath(new URL("../../core/assets/stories260K-f32.gguf", import.meta.url));

test("the embedded model is the converted fixture", () =>
  withFolder(async (folder) => {
    const output = join(folder, "model.gguf");
    await convert({
      folder: join(FIXTURES, "stories260K/meta"),
      type: "f32",
      output,
      contextLength: 512,
      name: "stories260K",
    });
    if (process.env["UPDATE_EMBEDDED_MODEL"] === "1") await copyFile(output, EMBEDDED);
    assert.ok((await readFile(output)).equals(await readFile(EMBEDDED)));
  }));

test.run();
