/** One test for every lie that a file can tell, and for everything that people take for a model. */
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DllamaError } from "../src/errors.ts";
import { readGguf } from "../src/gguf/read-gguf.ts";
import { expectError } from "./support/expect-error.ts";
import { entry, ggufBytes, str, tensor, u32, u64, u8 } from "./support/gguf-bytes.ts";
import type { GgufParts } from "./support/gguf-bytes.ts";
import { folder, temporaryFile } from "./support/temporary-files.ts";

const STRING = 8;
const ARRAY = 9;
const F32 = 0;
const Q4_0 = 2;

/** Asserts that such a file is malformed, and that the error says where, what was expected, what came, and what to do. */
function malformed(name: string, parts: GgufParts, ...patterns: (RegExp | string)[]): void {
  test(`malformed: ${name}`, async () => {
    const path = temporaryFile(ggufBytes(parts));
    const all = [path, /near byte \d+/, /expected .+ got /, ...patterns];
    const error = await expectError("MODEL_MALFORMED", all, () => readGguf(path));
    assert.ok(error.hint);
  });
}

malformed(
  "2^63 tensors",
  { nTensors: 2n ** 63n },
  "number of tensors below 2^53, got 9223372036854775808",
);
malformed(
  "2^63 metadata entries",
  { nEntries: 2n ** 63n },
  "number of metadata entries below 2^53",
);
malformed("2^40 tensors", { nTensors: 2 ** 40 }, "at most 65536 tensors, got 1099511627776");
malformed("2^40 metadata entries", { nEntries: 2 ** 40 }, "at most 65536 metadata entries");
malformed("a key of 2^63 bytes", { entries: [u64(2n ** 63n)] }, "a key's length below 2^53");
malformed(
  "a key of 70000 bytes",
  { entries: [entry("k".repeat(70_000), 4, u32(0))] },
  "at most 65535 bytes, got 70000",
);
malformed(
  "a long key is not shown whole",
  { entries: [entry("k".repeat(60_000), STRING, u64(2n ** 63n))] },
  new RegExp(`entry "k{80}"[.]{3}: `),
);
malformed(
  "a string of 2^63 bytes",
  { entries: [entry("k", STRING, u64(2n ** 63n))] },
  'entry "k"',
  "below 2^53",
);
malformed(
  "a string past the end",
  { entries: [entry("k", STRING, u64(100))] },
  "100 more bytes",
  "end of the file",
);
malformed(
  "an array of 2^63 numbers",
  { entries: [entry("k", ARRAY, u32(6), u64(2n ** 63n))] },
  "below 2^53",
);
malformed(
  "an array of 2^52 numbers",
  { entries: [entry("k", ARRAY, u32(6), u64(2n ** 52n))] },
  "end of the file",
);
malformed(
  "an array of 2^63 strings",
  { entries: [entry("k", ARRAY, u32(STRING), u64(2n ** 63n))] },
  "below 2^53",
);
malformed(
  "an array of 2^50 strings",
  { entries: [entry("k", ARRAY, u32(STRING), u64(2n ** 50n))] },
  "end of the file",
);
malformed(
  "an array with a string of 2^63 bytes",
  { entries: [entry("k", ARRAY, u32(STRING), u64(1), u64(2n ** 63n))] },
  "more bytes, got the end of the file",
);
malformed(
  "an array past the end",
  { entries: [entry("k", ARRAY, u32(10), u64(9), u64(1))] },
  "72 more bytes",
);
malformed(
  "an array of arrays",
  { entries: [entry("k", ARRAY, u32(ARRAY), u64(0))] },
  "got an array of arrays",
);
malformed(
  "an unknown value type",
  { entries: [entry("k", 13, u32(0))] },
  "value type below 13, got 13",
);
malformed("a boolean of 2", { entries: [entry("k", 7, u8(2))] }, "0 or 1, got 2");
malformed(
  "booleans of 255",
  { entries: [entry("k", ARRAY, u32(7), u64(2), u8(1, 255))] },
  "0 or 1, got 255",
);
malformed(
  "a key twice",
  { entries: [entry("k", 4, u32(1)), entry("k", 4, u32(2))] },
  'entry "k"',
  "twice",
);

for (const [name, value] of [
  ["0", u32(0)],
  ["24", u32(24)],
  ["4, too small", u32(4)],
  ["2^31, absurd", u32(2 ** 31)],
] as const) {
  malformed(
    `an alignment of ${name}`,
    { entries: [entry("general.alignment", 4, value)] },
    "power of two",
  );
}
malformed(
  "an alignment that is text",
  { entries: [entry("general.alignment", STRING, str("32"))] },
  "got string 32",
);

malformed(
  "a tensor twice",
  { tensors: [tensor("t", [1], F32, 0), tensor("t", [1], F32, 32)], nData: 64 },
  '"t"',
  "twice",
);
malformed(
  "no dimensions",
  { tensors: [tensor("t", [], F32, 0)], nData: 32 },
  "1 to 4 dimensions, got 0",
);
malformed(
  "2^32 - 1 dimensions",
  { tensors: [Buffer.concat([str("t"), u32(2 ** 32 - 1)])] },
  "dimensions, got 4294967295",
);
malformed(
  "a dimension of 0",
  { tensors: [tensor("t", [4, 0], F32, 0)], nData: 32 },
  "1 or more, got 0 x 4",
);
malformed(
  "a dimension of 2^63",
  { tensors: [tensor("t", [2n ** 63n], F32, 0)] },
  "a dimension below 2^53",
);
malformed(
  "a product of dimensions beyond 2^53",
  { tensors: [tensor("t", [2 ** 30, 2 ** 30], F32, 0)] },
  "2^53 bytes",
);
malformed(
  "a product of dimensions of 2^64",
  { tensors: [tensor("t", [2 ** 32, 2 ** 32], F32, 0)] },
  "2^53 bytes",
);
malformed(
  "a row that is no whole number of blocks",
  { tensors: [tensor("t", [48, 2], Q4_0, 0)], nData: 64 },
  "32",
  "got 48",
);
malformed("a name of 2^63 bytes", { tensors: [u64(2n ** 63n)] }, "below 2^53");
malformed(
  "a name of 300 bytes",
  { tensors: [tensor("t".repeat(300), [1], F32, 0)] },
  "at most 255 bytes, got 300",
);
malformed(
  "an unaligned offset",
  { tensors: [tensor("t", [1], F32, 16)], nData: 64 },
  "multiple of 32, got 16",
);
malformed(
  "an offset of 2^63",
  { tensors: [tensor("t", [1], F32, 2n ** 63n)] },
  "an offset below 2^53",
);
malformed(
  "an offset past the end",
  { tensors: [tensor("t", [1], F32, 64)], nData: 64 },
  '"t"',
  "end of the file",
);
malformed(
  "an offset near 2^53",
  { tensors: [tensor("t", [1], F32, 2n ** 53n - 32n)], nData: 64 },
  "end of the file",
);
malformed(
  "weights past the end",
  { tensors: [tensor("t", [17], F32, 0)], nData: 64 },
  "end of the file",
);
malformed(
  "weights that overlap",
  { tensors: [tensor("a", [1], F32, 32), tensor("b", [9], F32, 0)], nData: 64 },
  'tensor "a"',
  'bytes of "b"',
);
malformed(
  "weights in the same place",
  { tensors: [tensor("a", [1], F32, 0), tensor("b", [1], F32, 0)], nData: 32 },
  "bytes of",
);

test("a header of more than 64 MiB is refused before memory is taken for it", async () => {
  const path = temporaryFile(ggufBytes({ entries: [entry("k", STRING, u64(2 ** 33))] }));
  truncateSync(path, 2 ** 34);
  const before = process.memoryUsage.rss();
  await expectError("MODEL_MALFORMED", ["a header of at most 67108864 bytes"], () =>
    readGguf(path),
  );
  assert.ok(process.memoryUsage.rss() - before < 2 ** 27);
});

test("unsupported: versions, byte order, tensor types", async () => {
  const read = (parts: GgufParts) => () => readGguf(temporaryFile(ggufBytes(parts)));
  for (const version of [0, 1, 4, 2 ** 32 - 1]) {
    const patterns = ["version 2 or 3", `got version ${version}`];
    await expectError("MODEL_UNSUPPORTED", patterns, read({ version: u32(version) }));
  }
  await expectError(
    "MODEL_UNSUPPORTED",
    ["got a big-endian file of version 3"],
    read({ version: u8(0, 0, 0, 3) }),
  );
  await expectError(
    "MODEL_UNSUPPORTED",
    ['tensor "t"', "type 99"],
    read({ tensors: [tensor("t", [32], 99, 0)] }),
  );
});

test("a known but unsupported tensor type is read by ggml's name", async () => {
  const file = await readGguf(
    temporaryFile(ggufBytes({ tensors: [tensor("t", [256, 3], 12, 0)], nData: 3 * 144 })),
  );
  assert.equal(file.tensors.get("t"), {
    name: "t",
    type: "Q4_K",
    shape: [3, 256],
    offset: 96,
    nBytes: 432,
  });
});

const MAGIC_OF_DISTRIBUTED_LLAMA = u32(0xa00abcd);
const LLAMA2C_SIZES = Buffer.concat([64, 172, 5, 8, 4, 512, 512].map(u32));

for (const [name, bytes, got, hint] of [
  ["an empty file", u8(), "a file of 0 bytes", /\.gguf/],
  ["two bytes", Buffer.from("GG"), "a file of 2 bytes", /\.gguf/],
  ["another magic", Buffer.from("WXYZ1234"), 'begins with "WXYZ"', /\.gguf/],
  [
    "Distributed Llama's model",
    Buffer.concat([MAGIC_OF_DISTRIBUTED_LLAMA, u32(64)]),
    "Distributed Llama",
    /dllama convert FOLDER q40/,
  ],
  ["llama2.c's model", LLAMA2C_SIZES, "llama2.c", /dllama convert FOLDER q40/],
  [
    "llama2.c's later model",
    Buffer.from("24ka\x01\0\0\0"),
    "llama2.c",
    /dllama convert FOLDER q40/,
  ],
  [
    "a model of an old llama.cpp",
    Buffer.from("tjgg\x03\0\0\0"),
    "from before GGUF",
    /dllama convert FOLDER q40/,
  ],
  [
    "a part of a PyTorch checkpoint",
    Buffer.from("PK\x03\x04 and so on"),
    "PyTorch",
    /dllama convert FOLDER q40/,
  ],
  [
    "a PyTorch checkpoint from before 1.6",
    Buffer.from("\x80\x02\x8a\x0al\xfc", "latin1"),
    "pickle",
    /\.gguf/,
  ],
  [
    "a safetensors file",
    Buffer.concat([u64(99), Buffer.from('{"a":{')]),
    "safetensors",
    /cannot be converted yet: take a \.gguf file/,
  ],
  ["a web page", Buffer.from("\r\n<!DOCTYPE html><html>"), "a web page", /download it again/],
  ["a web page with a mark", Buffer.from("\ufeff<html>"), "a web page", /download it again/],
  ["a server's error", Buffer.from('{"error":"Entry not found"}'), "a server", /download it/],
  ["another one", Buffer.from("Entry not found"), "a server", /download it/],
  ["zeros", Buffer.alloc(100), "not complete", /finish/],
  ["gzip", Buffer.from("1f8b0800", "hex"), "a gzip archive", /Unpack/],
  ["xz", Buffer.from("fd377a585a00", "hex"), "an xz archive", /Unpack/],
  ["Zstandard", Buffer.from("28b52ffd", "hex"), "a Zstandard archive", /Unpack/],
  ["7z", Buffer.from("377abcaf271c", "hex"), "a 7z archive", /Unpack/],
  ["bzip2", Buffer.from("BZh91AY&SY"), "a bzip2 archive", /Unpack/],
  [
    "a pointer of Git LFS",
    Buffer.from("version https://git-lfs.github.com/spec/v1\n"),
    "Git LFS",
    /git lfs pull/,
  ],
] as const) {
  test(`no model: ${name}`, async () => {
    const path = temporaryFile(bytes);
    const error = await expectError("NOT_A_MODEL", [path, "expected a GGUF file, got", got], () =>
      readGguf(path),
    );
    assert.match(error.hint ?? "", hint);
  });
}

test("a part of a split model is called so, whichever it is", async () => {
  for (const part of [0, 1, 2]) {
    const entries = [
      entry("split.no", 2, Buffer.from([part, 0])),
      entry("split.count", 2, Buffer.from([3, 0])),
      entry("split.tensors.count", 5, u32(20)),
    ];
    const path = join(folder, `m-0000${part + 1}-of-00003.gguf`);
    writeFileSync(path, ggufBytes({ entries }));
    // oxlint-disable-next-line no-await-in-loop -- one after another
    const error = await expectError("MODEL_UNSUPPORTED", [path, `part ${part + 1} of 3`], () =>
      readGguf(path),
    );
    assert.match(error.hint ?? "", "llama-gguf-split --merge m-00001-of-00003.gguf WHOLE.gguf");
  }
  const path = temporaryFile(
    ggufBytes({ entries: [entry("split.count", 2, Buffer.from([1, 0]))] }),
  );
  assert.is((await readGguf(path)).tensors.size, 0, "one part is the whole");
});

test("a piece of a file is not called damaged", async () => {
  const path = join(folder, "llama.gguf-split-a");
  for (const bytes of [Buffer.from("GGUF\x03\0\0\0"), Buffer.from("anything")]) {
    writeFileSync(path, bytes);
    // oxlint-disable-next-line no-await-in-loop -- one file
    const error = await readGguf(path).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.match(error instanceof DllamaError ? (error.hint ?? "") : "", /join all of them/);
  }
});

test("no model: folders", async () => {
  for (const [name, inside, got, hint] of [
    ["meta", "params.json", "Meta's checkpoint", /dllama convert \S+meta q40/],
    ["hugging face", "config.json", "Hugging Face checkpoint", /cannot be converted yet/],
    ["models", "llama.gguf", "a folder", /Give a file in it: llama\.gguf/],
    ["empty", ".", "a folder", /\.gguf/],
  ] as const) {
    const path = join(folder, name);
    mkdirSync(join(path, inside), { recursive: true });
    const error = await expectError("NOT_A_MODEL", [path, got], () => readGguf(path));
    assert.match(error.hint ?? "", hint);
  }
});

test("no file: missing, below a file, a device", async () => {
  await expectError("FILE_NOT_FOUND", ["missing.gguf"], () =>
    readGguf(join(folder, "missing.gguf")),
  );
  await expectError("FILE_NOT_FOUND", ["below"], () => readGguf(join(temporaryFile(""), "below")));
  await expectError("NOT_A_MODEL", ["/dev/zero", "no file"], () => readGguf("/dev/zero"));
});

test.run();
