import { test } from "uvu";
import * as assert from "uvu/assert";

import { bytesNeeded, requireMemory } from "../../lib/peers/memory.mjs";

const TIB = 2 ** 40;
/** Where there is a /proc. */
const linuxTest = (...args) => (process.platform === "linux" ? test(...args) : test.skip(...args));

test("every side has the model and a cache", () => {
  const one = bytesNeeded({ modelBytes: 1000, cacheBytes: 100, nPeers: 0 });
  assert.is(bytesNeeded({ modelBytes: 1000, cacheBytes: 100, nPeers: 2 }), 3 * one);
});

linuxTest("what cannot fit is refused before it is tried", () => {
  assert.throws(
    () => requireMemory({ modelBytes: 1000 * TIB, cacheBytes: TIB, nPeers: 1 }),
    (error) => error.code === "MEMORY_SHORT" && /--peers/u.test(error.message),
  );
  requireMemory({ modelBytes: 0, cacheBytes: 0, nPeers: -1 });
});

test.run();
