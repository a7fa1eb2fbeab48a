/** Which signals a program goes on ignoring, by what it sees around it. */

import { test } from "uvu";
import * as assert from "uvu/assert";

import { isToBeIgnored } from "../src/inherited-signals.ts";
import type { Surroundings } from "../src/inherited-signals.ts";

const [HUP, INT, QUIT] = [1n, 2n, 4n];
const terminal: Surroundings = {
  platform: "linux",
  ignoredByParent: 0n,
  terminals: [true, true, true],
};

test("on a terminal both end a program", () => {
  assert.not.ok(isToBeIgnored("SIGHUP", terminal));
  assert.not.ok(isToBeIgnored("SIGINT", terminal));
});

test("SIGHUP is ignored where nohup has been: no terminal is left, on macOS but stdin", () => {
  const none = { ...terminal, terminals: [false, false, false] } as const;
  assert.ok(isToBeIgnored("SIGHUP", none));
  assert.not.ok(isToBeIgnored("SIGINT", none));
  const stdin = { ...terminal, terminals: [true, false, false] } as const;
  assert.ok(isToBeIgnored("SIGHUP", { ...stdin, platform: "darwin" }));
  assert.not.ok(isToBeIgnored("SIGHUP", stdin));
  for (const terminals of [
    [false, true, false],
    [false, false, true],
  ] as const) {
    assert.not.ok(isToBeIgnored("SIGHUP", { ...terminal, platform: "darwin", terminals }));
  }
});

test("what the parent ignores stays ignored, but not SIGINT while the parent waits in system()", () => {
  assert.ok(isToBeIgnored("SIGHUP", { ...terminal, ignoredByParent: HUP }));
  assert.ok(isToBeIgnored("SIGINT", { ...terminal, ignoredByParent: INT | HUP }));
  assert.not.ok(isToBeIgnored("SIGINT", { ...terminal, ignoredByParent: INT | QUIT }));
  assert.not.ok(isToBeIgnored("SIGINT", { ...terminal, ignoredByParent: HUP }));
});

test.run();
