import { test } from "uvu";
import * as assert from "uvu/assert";
import { reachableAddress } from "../src/output/reachable-address.ts";
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
  ["FE80::1%Wi-Fi", "[fe80::1%Wi-Fi]:9998"],
  ["[fe80::1%25eth0]:7000", "[fe80::1%eth0]:7000"],
  ["fe80::1%25", "[fe80::1%25]:9998"],
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

test("the address for others is IPv4, else global, else link-local with its interface", () => {
  const card = { netmask: "", mac: "", internal: false, cidr: null };
  const local = { ...card, address: "fe80::2", family: "IPv6", scopeid: 3 } as const;
  const global = { ...card, address: "fd00::2", family: "IPv6", scopeid: 0 } as const;
  const v4 = { ...card, address: "10.0.0.2", family: "IPv4" } as const;
  const lo = { ...v4, address: "127.0.0.1", internal: true } as const;
  assert.is(reachableAddress("::", { lo: [lo], eth0: [local, global, v4] }), "10.0.0.2");
  assert.is(reachableAddress("::", { lo: [lo], eth0: [local, global] }), "fd00::2");
  assert.is(reachableAddress("::", { lo: [lo], eth0: [local] }), "fe80::2%eth0");
  assert.is(reachableAddress("0.0.0.0", { lo: [lo], eth0: [local, global] }), "127.0.0.1");
  assert.is(reachableAddress("fe80::2%eth0", {}), "fe80::2%eth0");
});

test("a host to listen on has no port", () => {
  assert.is(listenHost.read("FE80::2%enP4"), "fe80::2%enP4");
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
