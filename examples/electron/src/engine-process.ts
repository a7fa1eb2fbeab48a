/** The utility process: gets its port from the main process, and has the model. */

import { loadModel } from "@dllama/core";

import { serveStories } from "./engine.ts";

process.parentPort.on("message", ({ ports: [port] }) => {
  if (port === undefined) return;
  const plain: Parameters<typeof serveStories>[0] = {
    postMessage: (message) => port.postMessage(message),
    on(event: "message" | "close", listener: (message?: unknown) => void) {
      if (event === "close") return port.on("close", () => listener());
      return port.on("message", ({ data }) => listener(data));
    },
  };
  void serveStories(plain, loadModel);
  port.start();
});
