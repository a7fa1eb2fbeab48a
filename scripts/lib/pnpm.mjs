/** How to call pnpm from a script: the one that runs us, else the one that this repository is made with. */

import { basename } from "node:path";

const VERSION = "10.34.9";

/** @returns {string[]} a command */
export function pnpm(...args) {
  const runningUs = process.env.npm_execpath ?? "";
  if (!basename(runningUs).startsWith("pnpm")) return ["npx", "-y", `pnpm@${VERSION}`, ...args];
  // pnpm is a JavaScript file, or a program that brings its own Node.
  const isScript = /\.[cm]?js$/.test(runningUs);
  return isScript ? [process.execPath, runningUs, ...args] : [runningUs, ...args];
}
