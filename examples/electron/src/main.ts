/** The main process: opens the window, and joins it to the engine's process by a channel of their own. */

import { fileURLToPath } from "node:url";

import { app, BrowserWindow, MessageChannelMain, utilityProcess } from "electron";

const beside = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

app.on("window-all-closed", () => app.quit());
await app.whenReady();

const window = new BrowserWindow({
  width: 720,
  height: 540,
  // A preload script that is a module needs a window without sandbox.
  webPreferences: { preload: beside("preload.mjs"), sandbox: false },
});
await window.loadFile(beside("../window.html"));

const engine = utilityProcess.fork(beside("engine-process.js"), [], { serviceName: "dllama" });
const { port1, port2 } = new MessageChannelMain();
engine.postMessage("port", [port1]);
window.webContents.postMessage("engine", null, [port2]);
