/** Arguments in other encodings than UTF-8. */

import { test } from "uvu";
import * as assert from "uvu/assert";

import { requireUtf8 } from "../src/args/raw-arguments.ts";
import { UsageError } from "../src/args/usage-error.ts";

const raw = (...args: (string | Buffer)[]) =>
  Buffer.concat(args.flatMap((arg) => [Buffer.from(arg), Buffer.from([0])]));

test("bytes that are no UTF-8 are refused, in prompts and in paths", () => {
  const latin1 = Buffer.from("caf\xe9", "latin1");
  for (const flag of ["-p", "-m"]) {
    try {
      requireUtf8(["inference", flag, "caf\ufffd"], raw("node", "main.js", flag, latin1));
    } catch (error) {
      assert.instance(error, UsageError);
      assert.match(String(error), "caf\ufffd");
      continue;
    }
    assert.unreachable(flag);
  }
});

test("everything else passes, a mark that was typed as well", () => {
  requireUtf8(["-p", "café 日本"], raw("-p", "café 日本"));
  requireUtf8(["-p", "what is \ufffd?"], raw("-p", "what is \ufffd?"));
  requireUtf8(["-p", "what is \ufffd?"], Buffer.alloc(0));
});

test.run();
