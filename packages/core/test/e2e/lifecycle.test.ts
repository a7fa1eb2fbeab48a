/** Engines come and go: several at once, in worker threads, at exit, disposed of or collected. */

import { test } from "uvu";
import * as assert from "uvu/assert";

import { DllamaError, loadModel, serveWorker } from "../../src/index.ts";
import { runScript } from "../support/child.ts";
import { expectError } from "../support/expect-error.ts";
import { expectedAnswers } from "../support/fixtures.ts";
import { loopback } from "../support/own-token.ts";

const greedy = { steps: 20, temperature: 0 };

async function tell(model: Awaited<ReturnType<typeof loadModel>>): Promise<string> {
  let text = "";
  for await (const token of model.generate("Once upon a time", greedy)) text += token.text;
  return text;
}

test("several engines in one process tell the same story at the same time", async () => {
  const models = await Promise.all([1, 2, 3].map((nthreads) => loadModel({ nthreads })));
  const stories = await Promise.all(models.map(tell));
  assert.is(new Set(stories).size, 1);
  assert.ok(expectedAnswers().f32.greedy_text.includes(stories[0] ?? "nothing"));
  await Promise.all(models.map((model) => model.dispose()));
});

test("what was disposed of says so, as often as it is asked", async () => {
  const model = await loadModel();
  const underWay = tell(model).catch((error: unknown) => error);
  await model.dispose();
  await model.dispose();
  await expectError("DISPOSED", ["disposed"], () => tell(model));
  // It was between two forwards, or had not begun: the engine's end is an error like any other.
  const end = await underWay;
  assert.ok(end instanceof DllamaError && end.code === "DISPOSED", String(end));
});

test("the engine's errors keep their codes and facts", async () => {
  const model = await loadModel();
  const row = { token: 1, position: 0, sequence: 0, want: "none", temperature: 0 } as const;
  const forward = (changed: object): Promise<unknown> =>
    model.engine.forward("exact", [{ ...row, ...changed }]);
  for (const [changed, words] of [
    [{ token: 512 }, "token: expected below 512, got 512"],
    [{ position: 5 }, "position: expected at most 0"],
    [{ sequence: 1 }, "sequence: expected below 1"],
    [{ temperature: Number.NaN }, "temperature: expected 0 or more"],
    [{ want: "everything" }, 'want is "none", "candidates" or "full"'],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one engine
    const error = await forward(changed).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof Error && "code" in error && error.code === "INVALID_ARGUMENT");
    assert.ok(error.message.includes(words), error.message);
  }
  await forward({});
  await model.dispose();
  const lost = await expectError("WORKER_UNREACHABLE", ["127.0.0.1:1"], () =>
    loadModel({ workers: ["127.0.0.1:1"] }),
  );
  assert.match(lost.hint ?? "", /dllama worker/);
});

test("one worker serves one root, and tells the second that it is busy", async () => {
  const worker = await serveWorker({ ...loopback, nthreads: 1 });
  const workers = [`${worker.host}:${worker.port}`];
  const first = await loadModel({ workers, nthreads: 1 });
  await expectError("WORKER_BUSY", [workers[0] ?? ""], () => loadModel({ workers, nthreads: 1 }));
  await first.dispose();
  const second = await loadModel({ workers, nthreads: 1 });
  await second.dispose();
  await worker.close();
  await worker.close();
});

const load = `const model = await dllama.loadModel({ nthreads: 2 });
  const run = model.generate("Once", { steps: 400, ignoreEos: true, temperature: 0 })[Symbol.asyncIterator]();
  await run.next();`;

for (const [how, script, code] of [
  ["process.exit in a forward", `${load} void run.next(); process.exit(7);`, 7],
  [
    "process.exit while loading",
    `void dllama.loadModel(); setImmediate(() => process.exit(6));`,
    6,
  ],
  ["an uncaught error", `${load} void run.next(); throw new Error("on purpose");`, 1],
  ["its natural end", `${load} globalThis.kept = model;`, 0],
  [
    "process.exit with a worker listening",
    `await dllama.serveWorker({ host: "127.0.0.1", port: 0 }); process.exit(5);`,
    5,
  ],
] as const) {
  test(`no crash at exit: ${how}`, async () => {
    const ended = await runScript(script);
    assert.equal({ code: ended.code, signal: ended.signal }, { code, signal: null }, ended.stderr);
  });
}

test("engines in several worker threads, one of them terminated in the middle", async () => {
  const { code, signal, stdout, stderr } = await runScript(
    `
    import { Worker } from "node:worker_threads";
    import { once } from "node:events";
    const story = \`
      import { parentPort } from "node:worker_threads";
      import { loadModel } from "\${library}";
      const model = await loadModel({ nthreads: 2 });
      for (;;) {
        let text = "";
        const options = { steps: 30, temperature: 0 };
        for await (const token of model.generate("Once upon a time", options)) text += token.text;
        parentPort.postMessage(text);
      }\`;
    const threads = Array.from({ length: 3 }, () => new Worker(story, { eval: true }));
    const first = await Promise.all(threads.map((thread) => once(thread, "message")));
    await threads[0].terminate();
    const rest = await Promise.all(threads.slice(1).map((thread) => once(thread, "message")));
    await Promise.all(threads.slice(1).map((thread) => thread.terminate()));
    console.log(new Set([...first, ...rest].flat()).size);
  `,
    { compiled: true },
  );
  assert.equal({ code, signal, stdout }, { code: 0, signal: null, stdout: "1\n" }, stderr);
});

for (const [how, release] of [
  ["dispose()", "await model.dispose();"],
  ["garbage collection", ""],
] as const) {
  test(`${how} gives memory, threads and files back`, async () => {
    const { code, stdout, stderr } = await runScript(
      `
      import { readdirSync, readFileSync } from "node:fs";
      import { setTimeout } from "node:timers/promises";
      const held = () => ({
        threads: readdirSync("/proc/self/task").length,
        files: readdirSync("/proc/self/fd").length,
        mappings: readFileSync("/proc/self/maps", "utf8").split("\\n").length,
      });
      const use = async () => {
        const model = await dllama.loadModel({ nthreads: 4 });
        for await (const _ of model.generate("Once", { steps: 3 }));
        ${release}
      };
      const settle = async () => {
        for (let i = 0; i < 40; i++) { globalThis.gc(); await setTimeout(5); }
      };
      for (let i = 0; i < 5; i++) await use();
      await settle();
      const before = held();
      for (let i = 0; i < 40; i++) await use();
      await settle();
      console.log(JSON.stringify([before, held()]));
    `,
      { flags: ["--expose-gc"] },
    );
    assert.is(code, 0, stderr);
    const [before, after]: { threads: number; files: number; mappings: number }[] =
      JSON.parse(stdout);
    assert.ok(before && after);
    // 40 engines have 160 threads of their own, and five mappings each. What the runtime itself adds or
    // drops meanwhile is a few, but for the pages of its heap, which are mappings.
    for (const [key, most] of [
      ["threads", 20],
      ["files", 20],
      ["mappings", 80],
    ] as const) {
      assert.ok(after[key] <= before[key] + most, `${key}: ${before[key]}, then ${after[key]}`);
    }
  });
}

test.run();
