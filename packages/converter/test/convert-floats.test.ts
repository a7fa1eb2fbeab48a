/** The addon's `convertFloats`, over every half there is and at every edge. */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { convertFloats } from "@dllama/bindings";
import type { FloatType, SourceFloatType } from "@dllama/bindings";
import { bf16ToNumber, encode, f16ToNumber, numberToF16 } from "./reference.ts";

const TYPES = ["q40", "q80", "f16", "f32"] as const;
const EVERY_HALF = Uint16Array.from({ length: 2 ** 16 }, (_, n) => n);

const asBytes = (values: Uint16Array | Float32Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

async function assertSame(
  source: Uint8Array,
  from: SourceFloatType,
  values: Float32Array,
): Promise<void> {
  for (const to of TYPES) {
    const got = Buffer.from(await convertFloats(source, from, to));
    assert.ok(got.equals(encode(values, to)), `${from} to ${to}`);
  }
}

test("every finite half, and every bf16 that a half can hold", async () => {
  const halves = EVERY_HALF.filter((half) => Number.isFinite(f16ToNumber(half)));
  await assertSame(asBytes(halves), "f16", Float32Array.from(halves, f16ToNumber));
  const bf16s = EVERY_HALF.filter((half) => Math.abs(bf16ToNumber(half)) < 65_520);
  assert.is(bf16s.length % 32, 0);
  await assertSame(asBytes(bf16s), "bf16", Float32Array.from(bf16s, bf16ToNumber));
});

test("f32 keeps every bit pattern of the finite bf16 and f16 values", async () => {
  const finiteBf16 = EVERY_HALF.filter((half) => (half & 0x7f80) !== 0x7f80);
  const fromBf16 = new Uint32Array(
    (await convertFloats(asBytes(finiteBf16), "bf16", "f32")).buffer,
  );
  assert.ok(fromBf16.every((bits, n) => bits === (finiteBf16[n] ?? -1) * 2 ** 16));
  const finiteF16 = EVERY_HALF.filter((half) => (half & 0x7c00) !== 0x7c00);
  const fromF16 = new Float32Array((await convertFloats(asBytes(finiteF16), "f16", "f32")).buffer);
  assert.ok(fromF16.every((value, n) => Object.is(value, f16ToNumber(finiteF16[n] ?? -1))));
});

test("no type takes a NaN or an infinity", async () => {
  for (const type of ["f32", "f16", "q40", "q80"] as const) {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const values = new Float32Array(64);
      values[33] = value;
      const error = await convertFloats(asBytes(values), "f32", type).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof Error && "code" in error && "index" in error, type);
      assert.equal([error.code, error.index], ["NUMBER_NOT_FINITE", 33], type);
    }
  }
});

test("f32 to f16 rounds to the nearest, ties to even", async () => {
  // Between neighbouring halves: the middle, and one f32 step to each side of it.
  const finite = EVERY_HALF.filter((half) => half < 0x7bff);
  const values = new Float32Array(3 * finite.length);
  finite.forEach((half, n) => {
    const middle = Math.fround((f16ToNumber(half) + f16ToNumber(half + 1)) / 2);
    values.set([middle * (1 - 2 ** -23), middle, middle * (1 + 2 ** -23)], 3 * n);
  });
  const got = new Uint16Array((await convertFloats(asBytes(values), "f32", "f16")).buffer);
  assert.ok(got.every((half, n) => half === numberToF16(values[n] ?? Number.NaN)));
});

test("sources at odd addresses, and of many pieces", async () => {
  const values = Float32Array.from({ length: 8192 * 2 + 64 }, (_, n) => Math.sin(n));
  const bytes = new Uint8Array(values.byteLength + 1);
  bytes.set(asBytes(values), 1);
  await assertSame(bytes.subarray(1), "f32", values);
  assert.is((await convertFloats(new Uint8Array(0), "f32", "q40")).length, 0);
});

const errors: [string, number, FloatType, object][] = [
  ["65520 in f16", 65_520, "f16", { code: "VALUE_OUT_OF_RANGE", index: 8200 }],
  ["-3e38 in f16", -3e38, "f16", { code: "VALUE_OUT_OF_RANGE", index: 8200 }],
  ["NaN in f16", Number.NaN, "f16", { code: "NUMBER_NOT_FINITE", index: 8200 }],
  ["infinity in f16", Infinity, "f16", { code: "NUMBER_NOT_FINITE", index: 8200 }],
  ["NaN in q40", Number.NaN, "q40", { code: "NUMBER_NOT_FINITE", index: 8200 }],
  ["-infinity in q80", -Infinity, "q80", { code: "NUMBER_NOT_FINITE", index: 8200 }],
  ["a scale beyond q40", 524_160, "q40", { code: "VALUE_OUT_OF_RANGE", index: 8200 }],
  ["a scale beyond q80", -1e7, "q80", { code: "VALUE_OUT_OF_RANGE", index: 8200 }],
];
for (const [name, value, to, expected] of errors) {
  test(`${name} is an error with its place`, async () => {
    const values = new Float32Array(8224);
    values[8200] = value; // beyond the first piece of 8192
    const { code, index, message } = await rejection(asBytes(values), "f32", to);
    assert.equal({ code, index }, expected);
    assert.match(message, "value 8200");
  });
}

test("wrong types and lengths", async () => {
  const bytes = new Uint8Array(64);
  const wrongType = "f64" as string as SourceFloatType;
  assert.is((await rejection(bytes, wrongType, "f32")).code, "INVALID_ARGUMENT");
  assert.is((await rejection(bytes.subarray(1), "f32", "f32")).code, "INVALID_ARGUMENT");
  assert.is((await rejection(bytes, "f32", "q40")).code, "INVALID_ARGUMENT"); // half a block
});

async function rejection(
  source: Uint8Array,
  from: SourceFloatType,
  to: FloatType,
): Promise<{ code: unknown; index: unknown; message: string }> {
  const error: unknown = await convertFloats(source, from, to).catch((caught: unknown) => caught);
  if (!(error instanceof Error)) throw new Error("an error was expected");
  const code = "code" in error ? error.code : undefined;
  const index = "index" in error ? error.index : undefined;
  return { code, index, message: error.message };
}

test.run();
