/** What the encoder writes, the reader and an independent reader read; and no change of bytes crashes. */
import { truncateSync, writeFileSync } from "node:fs";
import { gguf, GGMLQuantizationType } from "@huggingface/gguf";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DllamaError } from "../src/errors.ts";
import { encodeGgufHeader } from "../src/gguf/encode-header.ts";
import type { GgufHeaderSource } from "../src/gguf/encode-header.ts";
import { readGguf } from "../src/gguf/read-gguf.ts";
import { TENSOR_FORMATS } from "../src/gguf/tensor-types.ts";
import type { GgufValue } from "../src/gguf/value.ts";
import { expectError } from "./support/expect-error.ts";
import { temporaryFile } from "./support/temporary-files.ts";

const SCALARS: Record<string, GgufValue> = {
  uint8: { type: "uint8", value: 255 },
  int8: { type: "int8", value: -128 },
  uint16: { type: "uint16", value: 65_535 },
  int16: { type: "int16", value: -32_768 },
  uint32: { type: "uint32", value: 2 ** 32 - 1 },
  int32: { type: "int32", value: -(2 ** 31) },
  float32: { type: "float32", value: Math.fround(0.1) },
  bool: { type: "bool", value: true },
  string: { type: "string", value: "▁\uFEFF\0日🙂" },
  uint64: { type: "uint64", value: 2n ** 64n - 1n },
  int64: { type: "int64", value: -(2n ** 63n) },
  float64: { type: "float64", value: 0.1 },
};

const ARRAYS: Record<string, GgufValue> = {
  "array.uint8": { type: "array", of: "uint8", value: Uint8Array.of(0, 255) },
  "array.int8": { type: "array", of: "int8", value: Int8Array.of(-128, 127) },
  "array.uint16": { type: "array", of: "uint16", value: Uint16Array.of(0, 65_535) },
  "array.int16": { type: "array", of: "int16", value: Int16Array.of(-32_768, 32_767) },
  "array.uint32": { type: "array", of: "uint32", value: Uint32Array.of(2 ** 32 - 1) },
  "array.int32": { type: "array", of: "int32", value: Int32Array.of(-(2 ** 31)) },
  "array.float32": {
    type: "array",
    of: "float32",
    value: Float32Array.of(-0.5, Number.POSITIVE_INFINITY),
  },
  "array.bool": { type: "array", of: "bool", value: Uint8Array.of(1, 0, 1) },
  "array.string": { type: "array", of: "string", value: ["", "<s>", "▁日本"] },
  "array.uint64": { type: "array", of: "uint64", value: BigUint64Array.of(2n ** 64n - 1n) },
  "array.int64": { type: "array", of: "int64", value: BigInt64Array.of(-(2n ** 63n)) },
  "array.float64": { type: "array", of: "float64", value: Float64Array.of(1e300) },
  "array.none": { type: "array", of: "string", value: [] },
};

const EVERYTHING: GgufHeaderSource = {
  metadata: new Map(Object.entries({ ...SCALARS, ...ARRAYS })),
  tensors: [
    { name: "f32", type: "f32", shape: [7] },
    { name: "f16", type: "f16", shape: [3, 5] },
    { name: "q40", type: "q40", shape: [3, 64] },
    { name: "q80", type: "q80", shape: [2, 3, 2, 32] },
    { name: "Q6_K", type: "Q6_K", shape: [1, 512] },
  ],
};

function writeFile(source: GgufHeaderSource): { path: string; offsets: number[]; nBytes: number } {
  const { header, offsets, nBytes } = encodeGgufHeader(source);
  return { path: temporaryFile(header, nBytes), offsets, nBytes };
}

test("reads what it writes", async () => {
  const { path, offsets, nBytes } = writeFile(EVERYTHING);
  const file = await readGguf(path);
  assert.is(file.version, 3);
  assert.is(file.alignment, 32);
  assert.is(file.nBytes, nBytes);
  assert.equal([...file.metadata], [...EVERYTHING.metadata]);
  const sizes = [28, 30, 108, 12 * 34, 420];
  assert.equal(
    [...file.tensors.values()],
    EVERYTHING.tensors.map((tensor, i) => ({ ...tensor, offset: offsets[i], nBytes: sizes[i] })),
  );
  for (const offset of offsets) assert.is(offset % 32, 0);
});

test("an independent reader reads the same", async () => {
  const { path } = writeFile(EVERYTHING);
  const { metadata, tensorInfos } = await gguf(path, { allowLocalFile: true });
  const theirs = new Map<string, unknown>(Object.entries(metadata));
  const plain = (value: GgufValue): unknown =>
    value.type === "array" ? Array.from<unknown>(value.value) : value.value;
  for (const [key, value] of EVERYTHING.metadata) {
    const expected = key === "array.bool" ? [true, false, true] : plain(value);
    assert.equal(theirs.get(key), expected, key);
  }
  const file = await readGguf(path);
  const firstOffset = file.tensors.get("f32")?.offset ?? 0;
  assert.is(tensorInfos.length, file.tensors.size);
  for (const info of tensorInfos) {
    const tensor = file.tensors.get(info.name);
    assert.equal(info.shape.map(Number).toReversed(), tensor?.shape);
    assert.is(Number(info.offset) + firstOffset, tensor?.offset);
  }
});

test("tensor types have the numbers that the independent reader knows", () => {
  const ours: Record<string, string> = { f32: "F32", f16: "F16", q40: "Q4_0", q80: "Q8_0" };
  for (const [type, { id }] of Object.entries(TENSOR_FORMATS))
    assert.is(GGMLQuantizationType[id], ours[type] ?? type);
});

test("obeys another alignment", async () => {
  const metadata = new Map<string, GgufValue>([
    ["general.alignment", { type: "uint32", value: 4096 }],
  ]);
  const { path, offsets, nBytes } = writeFile({ ...EVERYTHING, metadata });
  assert.equal(offsets, [4096, 8192, 12_288, 16_384, 20_480]);
  assert.is(nBytes, 24_576);
  assert.is((await readGguf(path)).alignment, 4096);
});

test("reads version 2 as version 3", async () => {
  const { header, nBytes } = encodeGgufHeader(EVERYTHING);
  header[4] = 2;
  const file = await readGguf(temporaryFile(header, nBytes));
  assert.is(file.version, 2);
  assert.equal([...file.metadata], [...EVERYTHING.metadata]);
});

test("reads headers larger than one chunk, strings across the border included", async () => {
  const tokens = Array.from({ length: 152_000 }, (_, i) => `▁piece${i}`);
  const scores = Float32Array.from(tokens.keys());
  const metadata = new Map<string, GgufValue>([
    ["pad", { type: "uint8", value: 1 }], // so that numbers are unaligned in the file
    ["tokens", { type: "array", of: "string", value: tokens }],
    ["scores", { type: "array", of: "float32", value: scores }],
    ["long", { type: "string", value: "x".repeat(3 * 2 ** 20) }],
  ]);
  const { path } = writeFile({ metadata, tensors: [] });
  assert.equal((await readGguf(path)).metadata, metadata);
});

test("refuses to write what could not be read", async () => {
  const encode =
    (...tensors: GgufHeaderSource["tensors"]) =>
    () =>
      encodeGgufHeader({ metadata: new Map(), tensors });
  const one = { name: "t", type: "f32", shape: [1] } as const;
  await expectError("INVALID_ARGUMENT", ['"t"', "twice"], encode(one, one));
  await expectError("INVALID_ARGUMENT", ["dimensions, got 0"], encode({ ...one, shape: [] }));
  await expectError("INVALID_ARGUMENT", ["1 or more"], encode({ ...one, shape: [0] }));
  await expectError(
    "INVALID_ARGUMENT",
    ["multiple of 32"],
    encode({ ...one, type: "q40", shape: [48] }),
  );
});

/** Reads the file and lets only our own errors pass. */
async function readOrRefuse(path: string): Promise<"read" | DllamaError> {
  try {
    await readGguf(path);
    return "read";
  } catch (error) {
    if (error instanceof DllamaError) return error;
    throw error;
  }
}

test("every cut gives a typed error", async () => {
  const { header, nBytes } = encodeGgufHeader(EVERYTHING);
  const lastPadding = 448 - 420; // of the tensor of type Q6_K
  const path = temporaryFile(header, nBytes);
  for (let length = nBytes - 1; length >= 0; length--) {
    truncateSync(path, length);
    const outcome = await readOrRefuse(path);
    if (length >= nBytes - lastPadding) assert.is(outcome, "read", `cut to ${length}`);
    else assert.ok(outcome instanceof DllamaError, `cut to ${length}`);
    if (outcome instanceof DllamaError) {
      assert.is(outcome.code, length < 4 ? "NOT_A_MODEL" : "MODEL_MALFORMED");
    }
  }
});

test("changed bytes give a file within bounds or a typed error", async () => {
  const { header, nBytes } = encodeGgufHeader(EVERYTHING);
  const path = temporaryFile(header, nBytes);
  const change = fc.record({
    at: fc.nat(header.length - 1),
    byte: fc.constantFrom(0, 1, 7, 32, 127, 128, 255),
  });
  let nRefused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
      const bytes = Buffer.alloc(nBytes);
      bytes.set(header);
      for (const { at, byte } of changes) bytes[at] = byte;
      writeFileSync(path, bytes);
      const outcome = await readOrRefuse(path);
      if (outcome !== "read") {
        nRefused++;
        return;
      }
      const { tensors } = await readGguf(path);
      for (const { offset, nBytes: size } of tensors.values()) assert.ok(offset + size <= nBytes);
    }),
    { numRuns: 1000, seed: 1 },
  );
  assert.ok(nRefused > 100, `the changes are harmless: ${nRefused} refused`);
});

test.run();
