/** The page: a prompt goes to the engine, and its text comes in pieces. */

import type { FromEngine, ToEngine } from "./engine.ts";

const form = element("form", HTMLFormElement);
const prompt = element("input", HTMLInputElement);
const story = element("output", HTMLOutputElement);

function element<T extends Element>(selector: string, kind: new () => T): T {
  const found = document.querySelector(selector);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${selector}`);
}

function show(message: FromEngine): void {
  if (message.type === "text") story.append(message.text);
  if (message.type === "error") story.textContent = `${message.message} ${message.hint ?? ""}`;
  if (message.type === "ready") form.title = message.model;
}

window.addEventListener("message", ({ source, data, ports: [port] }) => {
  if (source !== window || data !== "engine" || port === undefined) return;
  port.addEventListener("message", (event: MessageEvent<FromEngine>) => show(event.data));
  port.start();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    story.textContent = prompt.value;
    const message: ToEngine = { type: "tell", prompt: prompt.value };
    port.postMessage(message);
  });
});
