/** The engine of the Electron app, over one of Node's ports. */

import { on, once } from "node:events";
import { MessageChannel } from "node:worker_threads";

import { loadModel } from "../../packages/core/dist/index.js";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { serveStories } from "../../examples/electron/src/engine.ts";

test("a story comes in pieces, a stopped one ends, and closing the port ends all", async () => {
  const { port1: port, port2: enginePort } = new MessageChannel();
  const ended = serveStories(enginePort, loadModel);
  const pieces = [];
  for await (const [message] of on(port, "message")) {
    if (message.type === "end") break;
    if (message.type === "ready") {
      assert.ok(message.model);
      port.postMessage({ type: "tell", prompt: "Once upon a time" });
    } else {
      assert.is(message.type, "text", message.message);
      pieces.push(message.text);
      if (pieces.length === 5) port.postMessage({ type: "stop" });
    }
  }
  assert.ok(pieces.length >= 5 && pieces.length < 200, `${pieces.length} pieces`);
  port.close();
  await ended;
});

test("an engine that cannot load says why", async () => {
  const { port1: port, port2: enginePort } = new MessageChannel();
  const load = () => loadModel({ path: "/nowhere.gguf" });
  void serveStories(enginePort, load);
  const [message] = await once(port, "message");
  assert.is(message.type, "error");
  assert.match(message.message, "/nowhere.gguf");
  port.close();
});

test.run();
