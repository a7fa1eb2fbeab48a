import { test } from "uvu";
import * as assert from "uvu/assert";

import { isLike, loadedVariant, variantOf, variantsLike } from "../../lib/peers/cpu-libraries.mjs";

const mapped = (path) => `7f00-7f01 r-xp 00000000 fe:00 12 ${path}`;
const HASWELL = mapped("/x/libggml-cpu-haswell.so");

test("each of our instruction sets has its like", () => {
  assert.is(variantsLike("avx2")[0], "haswell");
  assert.is(variantsLike("avxvnni")[0], "alderlake");
  assert.is(variantsLike("avx512vnni")[0], "icelake");
  assert.is(variantsLike("scalar")[0], "x64");
});

test("an unknown instruction set is named, with what to do", () => {
  assert.throws(
    () => variantsLike("mmx"),
    (error) => error.code === "NOT_SUPPORTED" && /"mmx".*cpu-libraries/u.test(error.message),
  );
});

test("a free choice is like a held one where it is among the variants of our instruction set", () => {
  assert.ok(isLike("haswell", "avx2"));
  assert.ok(
    isLike("cascadelake", "avx512vnni"),
    "on a processor without VBMI it is the best there is",
  );
  assert.not.ok(isLike("sapphirerapids", "avx512vnni"));
  assert.not.ok(isLike("haswell", "scalar"));
});

test("a library's name tells its variant", () => {
  assert.is(variantOf("libggml-cpu-sapphirerapids.so"), "sapphirerapids");
  assert.is(variantOf("libggml-cpu-armv8.2_1.so"), "armv8.2_1");
  assert.is(variantOf("libggml-base.so"), undefined);
});

test("a library that is mapped in several parts is one", () => {
  const maps = [HASWELL, HASWELL, mapped("/x/libggml-base.so"), ""].join("\n");
  assert.is(loadedVariant(maps), "haswell");
});

test("none or two loaded libraries are an error", () => {
  const isError = (error) => error.code === "NOT_COMPARABLE";
  assert.throws(() => loadedVariant(mapped("/x/libggml-base.so")), isError);
  assert.throws(() => loadedVariant(`${HASWELL}\n${mapped("/x/libggml-cpu-x64.so")}`), isError);
});

test.run();
