import { test } from "uvu";
import * as assert from "uvu/assert";

import { missingNode, missingRust } from "../lib/requirements.mjs";

test("says what Node is needed", () => {
  assert.is(missingNode(), undefined);
  assert.is(missingNode("20.19.0"), undefined);
  assert.is(missingNode("100.0.0"), undefined);
  assert.match(missingNode("20.9.1"), /Node.js 20\.19 or newer, and this is 20\.9\.1.*nodejs\.org/);
});

test("says what Rust is needed, and where to get it", () => {
  assert.is(missingRust(), undefined);
  assert.is(
    missingRust(() => "1.89.0"),
    undefined,
  );
  assert.match(
    missingRust(() => "1.9.0"),
    /this is 1\.9\.0.*https:\/\/rustup\.rs/,
  );
  assert.match(
    missingRust(() => undefined),
    /no working cargo.*https:\/\/rustup\.rs/,
  );
});

test("without cargo on the PATH Rust is missing", () => {
  const path = process.env.PATH;
  process.env.PATH = "/nonexistent";
  try {
    assert.match(missingRust(), "no working cargo");
  } finally {
    process.env.PATH = path;
  }
});

test.run();
