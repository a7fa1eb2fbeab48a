/** Link-local addresses, as boards on one cable have: with a zone on both sides, and none on the wire. */

import { networkInterfaces } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { dllama, Program } from "./harness.ts";

const found = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
  (addresses ?? []).flatMap(({ family, address, scopeid = 0 }) =>
    family === "IPv6" && scopeid > 0 ? [`${address}%${name}`] : [],
  ),
);
const [zoned] = found;

if (zoned === undefined) {
  console.log("SKIPPED link-local addresses: no interface of this machine has one");
} else {
  test("workers on link-local addresses meet each other and the root", async () => {
    const start = async () => {
      const args = ["worker", "--host", zoned, "--port", "0", "--nthreads", "1"];
      const program = new Program(args);
      const [, address = ""] = await program.printed("stdout", /^Listening on (\S+)$/m);
      assert.match(address, /^\[fe80:.*%.*\]:\d+$/);
      return { program, address };
    };
    const workers = await Promise.all([start(), start()]);
    const addresses = workers.map(({ address }) => address);
    const run = ["inference", "-p", "Once", "-n", "4", "--nthreads", "1", "--on-lost", "fail"];
    const { code, stderr } = await dllama([...run, "--workers", ...addresses]);
    assert.is(code, 0, stderr);
    for (const { program } of workers) program.kill("SIGTERM");
    await Promise.all(workers.map(({ program }) => program.ended));
  });

  test("what is wrong with an address is told, with a hint that fits it", async () => {
    const run = ["inference", "-p", "x", "-n", "1", "--on-lost", "fail", "--workers"];
    for (const [address, told, hint] of [
      [zoned.replace(/%.*/, ""), "network interface", /hint: .*fe80::1%eth0/],
      ["fe80::1%nosuch0", "no network interface nosuch0", /hint: .*fe80::1%eth0/],
      ["nosuch.local", "nosuch.local:9998", /hint: .*mDNS/],
      ["nosuch.invalid", "nosuch.invalid:9998", /hint: Check the name/],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one after another
      const { code, stderr } = await dllama([...run, address]);
      assert.is(code, 1, stderr);
      assert.ok(stderr.includes(told), stderr);
      assert.match(stderr, hint);
    }
  });
}

test.run();
