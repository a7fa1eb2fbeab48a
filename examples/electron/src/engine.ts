/** Tells stories over a port: the part of the app that has the model, and knows nothing of Electron. */

import type { loadModel } from "@dllama/core";

/** What a port of Electron and one of Node have in common. */
interface Port {
  postMessage(message: FromEngine): void;
  on(event: "message", listener: (message: unknown) => void): unknown;
  on(event: "close", listener: () => void): unknown;
}

/** What the window asks for: a prompt to go on from, or to stop. */
export type ToEngine = { type: "tell"; prompt: string } | { type: "stop" };

export type FromEngine =
  | { type: "ready"; model: string }
  | { type: "text"; text: string }
  | { type: "end" }
  | { type: "error"; message: string; hint: string | undefined };

const STEPS = 200;

/** Loads the model once, and then tells one story after another until the port is closed. */
export async function serveStories(port: Port, load: typeof loadModel): Promise<void> {
  let stopping = new AbortController();
  let isClosed = false;
  // Stories take turns: each begins when the one before has ended.
  let last: Promise<void> = Promise.resolve();
  const closed = new Promise<void>((resolve) => {
    port.on("close", () => {
      isClosed = true;
      stopping.abort();
      resolve();
    });
  });
  try {
    const model = await load();
    try {
      port.on("message", (message) => {
        if (!isToEngine(message)) return;
        stopping.abort();
        if (message.type === "stop") return;
        stopping = new AbortController();
        const { signal } = stopping;
        last = last.then(() => tell(message.prompt, signal));
      });
      const tell = async (prompt: string, signal: AbortSignal): Promise<void> => {
        try {
          const story = model.generate(prompt, { steps: STEPS, signal });
          for await (const { text } of story) port.postMessage({ type: "text", text });
          if (!isClosed) port.postMessage({ type: "end" });
        } catch (error) {
          port.postMessage(describe(error));
        }
      };
      port.postMessage({ type: "ready", model: model.info.name });
      await closed;
      await last;
    } finally {
      await model.dispose();
    }
  } catch (error) {
    port.postMessage(describe(error));
  }
}

function isToEngine(message: unknown): message is ToEngine {
  if (typeof message !== "object" || message === null || !("type" in message)) return false;
  if (message.type === "stop") return true;
  return message.type === "tell" && "prompt" in message && typeof message.prompt === "string";
}

/** Errors of dllama say in a hint what to do next. */
function describe(error: unknown): FromEngine {
  if (!(error instanceof Error)) return { type: "error", message: String(error), hint: undefined };
  const hint = "hint" in error && typeof error.hint === "string" ? error.hint : undefined;
  return { type: "error", message: error.message, hint };
}
