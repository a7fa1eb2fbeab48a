/** The model of memory, bytes and time: exact where it can be, and the search for a split. */

import { rankMemory as engineMemory } from "@dllama/bindings";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { openModel } from "../src/models/model-family.ts";
import { readGguf } from "../src/gguf/read-gguf.ts";
import { allReduceThreshold } from "../src/planning/all-reduce-threshold.ts";
import { bestSplit, fittedSplit } from "../src/planning/best-split.ts";
import { BOARDS } from "../src/planning/boards.ts";
import { tokenTime } from "../src/planning/costs.ts";
import { boardByName, devicesFromJson } from "../src/planning/devices.ts";
import { LINKS, readLink } from "../src/planning/links.ts";
import { rankMemory } from "../src/planning/rank-memory.ts";
import { expectError } from "./support/expect-error.ts";
import { randomLlama } from "./support/tiny-llama.ts";

test("TypeScript and the engine count the same bytes of memory", async () => {
  for (const type of ["f32", "q40", "q80"] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one file after another
    const open = await openModel(await readGguf(randomLlama(type)));
    const splits = [[1], [1, 1], [3, 1], [0, 1]].filter(({ length }) => length <= open.maxRanks);
    for (const split of splits) {
      for (const bufferFloatType of ["q80", "f32"] as const) {
        for (const [kvCacheType, seqLen, nSequences, maxTokens] of [
          ["f16", 128, 1, 64],
          ["f32", 17, 3, 5],
          ["f16", 2000, 1, 100],
        ] as const) {
          const programs = open.programs({
            worldSize: split.length,
            split,
            seqLen,
            nSequences,
            maxTokens,
            bufferFloatType,
            kvCacheType,
          });
          for (const program of programs) {
            const { totalBytes, mappedBytes: _, ...parts } = rankMemory(program);
            assert.equal(parts, engineMemory(JSON.stringify(program)));
            const sum = Object.values(parts).reduce((total, nBytes) => total + nBytes, 0);
            assert.is(totalBytes, sum);
          }
        }
      }
    }
  }
});

/** Ranks that take as long as their part divided by their speed, and hold at most so much. */
function machines(speeds: readonly number[], rooms: readonly number[]) {
  return (split: readonly number[]) => {
    const total = split.reduce((sum, weight) => sum + weight, 0);
    const parts = split.map((weight) => weight / total);
    const rankMs = parts.map((part, rank) => part / (speeds[rank] ?? 1));
    const lackBytes = parts.map((part, rank) => Math.max(0, part - (rooms[rank] ?? 0)));
    return { totalMs: Math.max(...rankMs), rankMs, lackBytes };
  };
}

test("the best split follows the speeds, and is equal for devices that are nearly equal", () => {
  const roomy = [1, 1, 1];
  assert.equal(bestSplit([2, 1, 1], machines([2, 1, 1], roomy)), [2, 1, 1]);
  assert.equal(bestSplit([1, 1.01, 0.99], machines([1, 1.01, 0.99], roomy)), [1, 1, 1]);
});

test("no split lacks memory where one fits, and the best is as fast as memory allows", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          speed: fc.integer({ min: 1, max: 9 }),
          room: fc.integer({ min: 5, max: 100 }),
        }),
        {
          minLength: 1,
          maxLength: 6,
        },
      ),
      (devices) => {
        const speeds = devices.map(({ speed }) => speed);
        const rooms = devices.map(({ room }) => room / 100);
        fc.pre(rooms.reduce((sum, room) => sum + room, 0) > 1.1);
        const costOf = machines(speeds, rooms);
        const split = bestSplit(speeds, costOf);
        const { lackBytes, totalMs } = costOf(split);
        const lack = lackBytes.reduce((sum, n) => sum + n, 0);
        assert.ok(lack === 0, `${split.join()} lacks ${lack} of ${rooms.join()}`);
        assert.equal(bestSplit(speeds, costOf), split);
        const fitted = fittedSplit(speeds, costOf);
        assert.ok(fitted !== undefined && costOf(fitted).lackBytes.every((n) => n === 0));
        const equal = costOf(devices.map(() => 1));
        if (equal.lackBytes.every((n) => n === 0)) {
          assert.ok(totalMs <= equal.totalMs * 1.001, "never slower than equal parts");
        }
      },
    ),
    { seed: 1 },
  );
});

test("what nobody has room for is told as such", () => {
  const costOf = machines([1, 1], [0.4, 0.4]);
  assert.is(fittedSplit([1, 1], costOf), undefined);
  assert.ok(costOf(bestSplit([1, 1], costOf)).lackBytes.some((n) => n > 0));
  const wanted = [1, 1];
  assert.is(fittedSplit(wanted, machines([1, 1], [1, 1])), wanted, "a split that fits stays");
});

test("the parts of a token's time add up, and the slowest rank of each phase counts", () => {
  const work = [
    { readBytes: 5e6, nOps: 0 },
    { readBytes: 1e6, nOps: 100e6 },
  ];
  const exchange = { sentBytes: [1000, 3000], receivedBytes: [3000, 1000], nTrips: 2 };
  const rates = { gbPerSecond: 1, gops: 10 };
  const link = { name: "x", bytesPerSecond: 1e6, latencyMs: 0.5, isShared: false };
  const time = tokenTime([{ work, exchange }], [rates, rates], link);
  // Rank 1: 1 ms of memory, 10 ms of arithmetic, of which 1 ms goes on at the same time.
  assert.equal(time, {
    totalMs: 14,
    memoryMs: 1,
    arithmeticMs: 9,
    wireMs: 3,
    latencyMs: 1,
    diskMs: 0,
  });
  const shared = tokenTime([{ work, exchange }], [rates, rates], { ...link, isShared: true });
  assert.is(shared.wireMs, 4);
  assert.is(tokenTime([], [rates], link, 90e6).totalMs, 1000);
});

test("the threshold of all-reduces is the engine's", () => {
  assert.is(allReduceThreshold(2, LINKS["1gbit"]), null);
  // L R n / ((n - 1) (n - 2)), as in the engine's own test.
  assert.is(allReduceThreshold(3, { latencyMs: 0.2, bytesPerSecond: 117e6 }), 35_100);
  assert.is(allReduceThreshold(8, { latencyMs: 0, bytesPerSecond: 1e9 }), 0);
  assert.is(allReduceThreshold(3, { latencyMs: 1e9, bytesPerSecond: 1e9 }), null);
});

test("boards have figures and sources", () => {
  for (const { name, gbPerSecond, gops, ramGib, sources } of BOARDS) {
    assert.ok(gbPerSecond > 0 && gops > 0 && ramGib > 0, name);
    assert.ok(sources.length > 0 && sources.every((url) => url.startsWith("https://")), name);
  }
  assert.ok((boardByName("pi4:8gib")?.ramBytes ?? 0) > (boardByName("PI4")?.ramBytes ?? 0));
  for (const bad of ["pi", "pi4:", "pi4:8", "pi4:-1gib", ""])
    assert.is(boardByName(bad), undefined);
});

test("devices come from JSON, and each mistake is named", async () => {
  const own = { name: "attic", gbPerSecond: 4.5, gops: 20, ramGib: 2 };
  const text = JSON.stringify(["pi5", own, { board: "pi4", ramGib: 1.5 }]);
  const [pi5, attic, pi4] = devicesFromJson(Buffer.from(text), "d.json");
  assert.equal(pi5, boardByName("pi5"));
  assert.equal(attic, { name: "attic", gbPerSecond: 4.5, gops: 20, ramBytes: 2 * 2 ** 30 });
  assert.equal([pi4?.name, pi4?.gops, pi4?.ramBytes], ["pi4", 22, 1.5 * 2 ** 30]);
  const bad: [string, string][] = [
    ["{", "it is no JSON at line 1, column 2"],
    ["{}", "expected a list"],
    ["[]", "expected a list"],
    ['["pi9"]', 'device 0: no board is called "pi9"'],
    ["[1]", "device 0: expected a board"],
    ['["pi4", {"gbPerSecond": 1}]', "device 1: expected a ramGib above 0, got undefined"],
    ['[{"board": "pi4", "gops": -1}]', "expected a gops above 0, got -1"],
    ['[{"board": "pi4", "gops": "1"}]', 'expected a gops above 0, got "1"'],
    ['[{"board": "pi4", "ram": 1}]', 'got "ram"'],
  ];
  for (const [json, message] of bad) {
    // oxlint-disable-next-line no-await-in-loop -- one after another
    await expectError("INVALID_ARGUMENT", ["d.json", message], () =>
      devicesFromJson(Buffer.from(json), "d.json"),
    );
  }
});

test("links by name and by figures", () => {
  assert.equal(readLink("1GBIT"), LINKS["1gbit"]);
  const own = readLink("250mbit,0.8ms");
  assert.is(own?.latencyMs, 0.8);
  assert.ok(Math.abs((own?.bytesPerSecond ?? 0) - 29.42e6) < 1e4);
  assert.is(readLink("54mbit,4ms,shared")?.isShared, true);
  for (const bad of ["", "10gbit", "0mbit,1ms", "1gbit,1", "1gbit,1ms,half"]) {
    assert.is(readLink(bad), undefined, bad);
  }
});

test.run();
