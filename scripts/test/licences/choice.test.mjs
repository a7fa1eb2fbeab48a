/** Which licence a crate is used under, and its text. */

import { test } from "uvu";
import * as assert from "uvu/assert";

import { chooseLicence, licenceText } from "../../lib/licences/choice.mjs";

const MIT =
  "Permission is hereby granted, free of charge, to anybody.\nThis notice shall be included.";

test("of those that are offered, the one with the shortest conditions", () => {
  assert.is(chooseLicence("Apache-2.0 OR MIT"), "MIT");
  assert.is(chooseLicence("MIT/Apache-2.0"), "MIT");
  assert.is(chooseLicence("Apache-2.0 WITH LLVM-exception OR Apache-2.0"), "Apache-2.0");
});

test("what nobody has read is refused: another licence, or several that hold together", () => {
  assert.throws(() => chooseLicence("GPL-3.0-only"), "GPL-3.0-only");
  assert.throws(() => chooseLicence("MIT AND Unicode-3.0"), "MIT AND Unicode-3.0");
});

test("the text is the crate's own, wherever its lines break", () => {
  const broken = MIT.replace("free of", "free\r\nof");
  assert.is(licenceText("MIT", ["Apache License", broken], []), broken.replace("\r", ""));
});

test("a crate without a text gets that of MIT with its authors, and no other licence's", () => {
  assert.match(licenceText("MIT", [], ["Ada"]), "Copyright (c) Ada");
  assert.throws(() => licenceText("MIT", [], []), "no text of MIT");
  assert.throws(() => licenceText("ISC", [MIT], ["Ada"]), "no text of ISC");
});

test.run();
