import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { build } from "../lib/build.mjs";
import { root } from "../lib/workspace.mjs";
import { temporaryFolder } from "./temporary-folder.mjs";

/** A build of one step: it joins the files of `sources/`, and notes each time that it is done. */
function createBuild() {
  const folder = temporaryFolder();
  const path = (name) => join(folder, name);
  mkdirSync(path("sources"));
  writeFileSync(path("sources/a"), "one");
  const shell = (script) => ["sh", "-c", `cd "$1"; ${script}`, "sh", folder];
  const step = {
    name: "join",
    says: "Joining",
    inputs: [relative(root, path("sources"))],
    isThere: () => existsSync(path("output")),
    command: () => shell("cat sources/* > output; printf x >> log"),
  };
  const options = { say: () => {}, output: "capture" };
  return {
    path,
    shell,
    inputs: step.inputs,
    make: (changes) => build([{ ...step, ...changes }], options, path("state")),
    timesDone: () => (existsSync(path("log")) ? readFileSync(path("log"), "utf8").length : 0),
  };
}

test("a step is done once, and again after each kind of change", async () => {
  const { path, make, timesDone } = createBuild();
  const changes = [
    () => {},
    () => writeFileSync(path("sources/a"), "other content"),
    () => writeFileSync(path("sources/b"), "a new file"),
    () => renameSync(path("sources/b"), path("sources/c")),
    () => rmSync(path("sources/c")),
    // Newer than the sources or not: a checkout of an older commit has older content and no order.
    () => utimesSync(path("sources/a"), 1e9, 1e9),
    () => rmSync(path("output")),
  ];
  for (const [i, change] of changes.entries()) {
    change();
    assert.is(await make(), undefined);
    assert.is(await make(), undefined);
    assert.is(timesDone(), i + 1, String(change));
  }
});

test("a step that failed is not done, and its output is told", async () => {
  const { make, shell, timesDone } = createBuild();
  const broken = { command: () => shell("touch output; echo broken; exit 3") };
  assert.is(await make(broken), "broken\nJoining failed: it ended with exit code 3.");
  assert.is(await make(), undefined);
  assert.is(timesDone(), 1);
});

test("a source that changes during a step makes it stale again", async () => {
  const { make, shell, timesDone } = createBuild();
  await make({ command: () => shell("touch output; echo changed > sources/a") });
  await make();
  assert.is(timesDone(), 1);
});

test("what the machine lacks is told before anything is done", async () => {
  const { make, timesDone } = createBuild();
  assert.is(await make({ missing: () => "There is no compiler." }), "There is no compiler.");
  assert.is(timesDone(), 0);
  await make();
  assert.is(await make({ missing: () => "There is no compiler." }), undefined);
});

test("a signal ends a build with all that it started, and leaves nothing that counts as done", async () => {
  const { path, make, shell, inputs, timesDone } = createBuild();
  const command = shell("touch output begun; sleep 1000; true");
  const step = JSON.stringify({ name: "join", says: "Joining", inputs });
  writeFileSync(
    path("build.mjs"),
    `import { build } from "${join(root, "scripts/lib/build.mjs")}";
    import { stopChildrenOnSignals } from "${join(root, "scripts/lib/children.mjs")}";
    stopChildrenOnSignals();
    const step = { ...${step}, isThere: () => true, command: () => ${JSON.stringify(command)} };
    await build([step], { say: () => {}, output: "stderr" }, "${path("state")}");`,
  );
  const child = spawn(process.execPath, [path("build.mjs")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  // Everything that the build starts holds our end of this pipe open: "close" means that all are gone.
  const closed = new Promise((resolve) => child.once("close", resolve));
  while (!existsSync(path("begun"))) await sleep(10);
  child.kill("SIGTERM");
  assert.is(await closed, 143);
  assert.is(await make(), undefined);
  assert.is(timesDone(), 1);
});

test.run();
