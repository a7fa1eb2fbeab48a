/** The ten lines that the README shows. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { expectedAnswers } from "../support/fixtures.ts";

test("the example tells the known story", () => {
  const script = fileURLToPath(new URL("../../examples/story.ts", import.meta.url));
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["-C", "dllama-source", "--import", "tsx", script],
    { encoding: "utf8", timeout: 60_000 },
  );
  assert.is(status, 0, stderr);
  const [story = "", speed = ""] = stdout.split(/\n(?=\d+ tokens\/s\n$)/);
  const { prompt, f32 } = expectedAnswers();
  assert.ok(f32.greedy_text.startsWith(prompt + story), story);
  assert.ok(story.length > 100);
  assert.match(speed, /^\d+ tokens\/s\n$/);
});

test.run();
