/** No package is published before what it depends on. */

import { test } from "uvu";
import * as assert from "uvu/assert";

import { publishingOrder } from "../../lib/release/publishing-order.mjs";

const entry = (name, manifest = {}) => ({ manifest: { name, ...manifest } });
const names = (entries) => publishingOrder(entries).map(({ manifest }) => manifest.name);

test("a package comes after all that it depends on, optionally or not", () => {
  const entries = [
    entry("cli", { dependencies: { core: "1", citty: "2" } }),
    entry("core", { dependencies: { bindings: "1" } }),
    entry("bindings", { optionalDependencies: { "bindings-linux": "1", "bindings-mac": "1" } }),
    entry("bindings-linux"),
    entry("bindings-mac"),
  ];
  assert.equal(names(entries), ["bindings-linux", "bindings-mac", "bindings", "core", "cli"]);
});

test("a circle is an error, not a hang", () => {
  const circle = [
    entry("a", { dependencies: { b: "1" } }),
    entry("b", { peerDependencies: { a: "1" } }),
  ];
  assert.throws(() => publishingOrder(circle), /depend on each other: a, b/);
});

test.run();
