import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { withLock } from "../lib/lock.mjs";
import { temporaryFolder } from "./temporary-folder.mjs";

test("two that want the lock work one after the other", async () => {
  const path = join(temporaryFolder(), "lock");
  const events = [];
  const work = (name) => async () => {
    events.push(`${name} begins`);
    await sleep(50);
    events.push(`${name} ends`);
  };
  await Promise.all([
    withLock(path, () => {}, work("first")),
    withLock(path, (holder) => events.push(holder), work("second")),
  ]);
  const expected = ["first begins", process.pid, "first ends", "second begins", "second ends"];
  assert.equal(events, expected);
  assert.not(existsSync(path));
});

test("a lock whose holder was killed is free", async () => {
  const path = join(temporaryFolder(), "lock");
  writeFileSync(path, String(spawnSync("true").pid));
  assert.is(
    await withLock(
      path,
      () => assert.unreachable(),
      async () => "done",
    ),
    "done",
  );
});

test("work that fails gives the lock back", async () => {
  const path = join(temporaryFolder(), "lock");
  const work = () => Promise.reject(new Error("failed"));
  await withLock(path, () => {}, work).catch((error) => assert.is(error.message, "failed"));
  assert.not(existsSync(path));
});

test.run();
