/** Kept plans: found again for the same model and workers, and never believed when they are damaged. */

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { cacheFolder } from "../src/cache-folder.ts";
import type { KeptJson } from "../src/cluster/kept-json.ts";
import { keptPlan, subjectOf } from "../src/cluster/kept-plans.ts";
import type { KeptPlan } from "../src/cluster/kept-plans.ts";
import { keptRates } from "../src/cluster/kept-rates.ts";
import { keptSplit } from "../src/cluster/kept-splits.ts";
import { planId } from "../src/cluster/session-plan.ts";

const folder = mkdtempSync(join(tmpdir(), "dllama-plans-"));
const model = join(folder, "model.gguf");
const WORKERS = ["10.0.0.2:9998", "10.0.0.3:9998"];
const plan = {
  allReduce: { scatteredFromBytes: 17_408 },
  measurement: { latencyMs: 0.085, bytesPerSecond: 112e6 },
};

test.before.each(() => {
  writeFileSync(model, "GGUF");
  rmSync(join(folder, "cache"), { recursive: true, force: true });
});

test.after(() => rmSync(folder, { recursive: true }));

const place = async (workers = WORKERS): Promise<KeptJson<KeptPlan>> =>
  keptPlan(join(folder, "cache"), await subjectOf(model, workers));

test("a plan is found again, for the same file and workers alone", async () => {
  assert.is(await (await place()).read(), undefined);
  await (await place()).write(plan);
  assert.equal(await (await place()).read(), plan);
  assert.is(await (await place(WORKERS.toReversed())).read(), undefined);
  assert.is(await (await place(WORKERS.slice(1))).read(), undefined);
  utimesSync(model, 1, 1);
  assert.is(await (await place()).read(), undefined);
  const { path } = await place();
  assert.equal(readdirSync(join(path, "..")).length, 1, "no drafts are left");
});

test("damaged and foreign files are no plans, and are replaced", async () => {
  const { path } = await place();
  await (await place()).write(plan);
  const good = readFileSync(path, "utf8");
  const changed = (from: string, to: string): string => {
    assert.ok(good.includes(from), from);
    return good.replace(from, to);
  };
  const bad = [
    "",
    "{}",
    "null",
    good.slice(0, -5),
    `${good}x`,
    " ".repeat(2 ** 20) + good,
    changed("10.0.0.3", "10.0.0.4"),
    changed('"version": 1', '"version": 2'),
    ...["-1", "1.5", "4294967296", '"17408"', "true", "[]"].map((value) => changed("17408", value)),
    changed("0.085", "0"),
    changed("112000000", "1e999"),
    changed("112000000", "null"),
  ];
  for (const text of bad) {
    writeFileSync(path, text);
    // oxlint-disable-next-line no-await-in-loop -- one file
    assert.is(await (await place()).read(), undefined, text.slice(0, 200));
  }
  await (await place()).write(plan);
  assert.equal(await (await place()).read(), plan);
});

test("a cache that cannot be written is done without", async () => {
  writeFileSync(join(folder, "cache"), "a file where the folder would be");
  await (await place()).write(plan);
  assert.is(await (await place()).read(), undefined);
  rmSync(join(folder, "cache"));
  const { path } = await place();
  mkdirSync(path, { recursive: true });
  await (await place()).write(plan);
  assert.is(await (await place()).read(), undefined);
  assert.equal(readdirSync(join(path, "..")).length, 1, "no drafts are left");
});

test("the cache folder is the platform's, unless XDG_CACHE_HOME says otherwise", () => {
  const of = (platform: NodeJS.Platform, xdg?: string): string | undefined =>
    cacheFolder({ platform, environment: { XDG_CACHE_HOME: xdg }, home: () => "/home/me" });
  assert.is(of("linux"), "/home/me/.cache/dllama");
  assert.is(of("linux", ""), "/home/me/.cache/dllama");
  assert.is(of("linux", "relative"), "/home/me/.cache/dllama");
  assert.is(of("darwin"), "/home/me/Library/Caches/dllama");
  for (const platform of ["linux", "darwin"] as const) {
    assert.is(of(platform, "/var/cache/me"), "/var/cache/me/dllama");
  }
});

const THREADS = [4, 4, 4];

test("splits and rates are kept, each for its own subject", async () => {
  const cache = join(folder, "cache");
  const split = keptSplit(cache, await subjectOf(model, WORKERS), THREADS);
  await split.write([2, 1, 0.5]);
  assert.equal(await split.read(), [2, 1, 0.5]);
  for (const bad of ["2, 1", "2, 1, -1", "0, 0, 0", '2, 1, "1"', "2, 1, 1e999", "2, 1, null"]) {
    writeFileSync(
      split.path,
      readFileSync(split.path, "utf8").replace(/"split": \[[^\]]*\]/, `"split": [${bad}]`),
    );
    // oxlint-disable-next-line no-await-in-loop -- one file
    assert.is(await split.read(), undefined, bad);
  }
  const rates = keptRates(cache, WORKERS, THREADS);
  const rate = { bytesPerSecond: 5e9, opsPerSecond: 2e10 };
  await rates.write([rate, rate, rate]);
  assert.equal(await rates.read(), [rate, rate, rate]);
  assert.is(await keptRates(cache, WORKERS.slice(1), THREADS).read(), undefined);
  assert.is(await keptRates(cache, WORKERS, [1, 4, 4]).read(), undefined, "other threads");
  for (const bad of ["0", "-5", "1e999", "null", '"5"', "[]"]) {
    writeFileSync(
      rates.path,
      readFileSync(rates.path, "utf8").replace(/Second": [^,\n]+/, `Second": ${bad}`),
    );
    // oxlint-disable-next-line no-await-in-loop -- one file
    assert.is(await rates.read(), undefined, bad);
  }
});

test("equal plans have equal ids", () => {
  const id = (scatteredFromBytes: number | null, split = [1, 1]): string =>
    planId({ allReduce: { scatteredFromBytes }, split });
  assert.match(id(null), /^[0-9a-f]{8}$/);
  assert.is(id(5), id(5));
  assert.is.not(id(5), id(5, [2, 1]));
  assert.is(new Set([null, 0, 1, 2 ** 32 - 1].map((n) => id(n))).size, 4);
});

test.run();
