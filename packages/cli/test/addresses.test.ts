import { test } from "uvu";
import * as assert from "uvu/assert";
import { isLoopback, listenHost, normaliseAddress } from "../src/args/addresses.ts";

const accepted: [string, string][] = [
  ["10.0.0.2", "10.0.0.2:9998"],
  ["10.0.0.2:1", "10.0.0.2:1"],
  ["pi", "pi:9998"],
  ["Pi-3.local:65535", "pi-3.local:65535"],
  ["raspberry_pi.", "raspberry_pi.:9998"],
  ["[fe80::1]", "[fe80::1]:9998"],
  ["[FE80::1]:7000", "[fe80::1]:7000"],
  ["[fe80::1%eth0]:7000", "[fe80::1%eth0]:7000"],
  ["::1", "[::1]:9998"],
  // Bare, the last group is never a port.
  ["fe80::1:7000", "[fe80::1:7000]:9998"],
];

for (const [typed, address] of accepted) {
  test(`${typed} is ${address}`, () => assert.is(normaliseAddress(typed), address));
}

const refused = [
  "",
  ":9998",
  "pi:",
  "pi:0",
  "pi:65536",
  "pi:1e3",
  "pi:-1",
  "pi:99980000",
  "9998",
  "256.0.0.1",
  "10.0.0",
  "a b",
  "-pi",
  "pi-",
  "tcp://pi:9998",
  "pi/9998",
  "[pi]:9998",
  "[::1",
  "[::1]9998",
  "[::1]:0",
  "[]:9998",
  "1:2:3",
  "ä.local",
  "x".repeat(254),
];

for (const typed of refused) {
  test(`${JSON.stringify(typed.slice(0, 20))} is no address`, () =>
    assert.is(normaliseAddress(typed), undefined));
}

test("an address is normalised once and for all", () => {
  for (const [, address] of accepted) assert.is(normaliseAddress(address), address);
});

test("a host to listen on has no port", () => {
  assert.is(listenHost.read("0.0.0.0"), "0.0.0.0");
  assert.is(listenHost.read("[::]"), "::");
  assert.is(listenHost.read("::1"), "::1");
  assert.is(listenHost.read("localhost:9998"), undefined);
  assert.is(listenHost.read(""), undefined);
});

test("loopback is what no other device reaches", () => {
  for (const host of [
    "127.0.0.1",
    "127.1.2.3",
    "localhost",
    "LOCALHOST",
    "::1",
    "::ffff:127.0.0.1",
  ]) {
    assert.ok(isLoopback(host), host);
  }
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.example.org", "::ffff:10.0.0.1"]) {
    assert.not(isLoopback(host), host);
  }
});

test.run();
