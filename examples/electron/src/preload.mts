/** Hands the engine's port on to the page, which has no Node. */

import { ipcRenderer } from "electron";

ipcRenderer.on("engine", ({ ports }) => window.postMessage("engine", "*", ports));
