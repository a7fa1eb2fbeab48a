/** Runs TypeScript in a process of its own. */

import { spawn } from "node:child_process";

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Far above what any script of these tests takes. */
const TIMEOUT_MS = 60_000;

interface Options {
  /** Node's own flags. */
  flags?: string[];
  /** The compiled library in place of its sources: tsx does not reach into worker threads. */
  compiled?: boolean;
}

/** A module whose text may use the library as `dllama`, and its address as `library`. */
export function runScript(
  text: string,
  { flags = [], compiled = false }: Options = {},
): Promise<Ended> {
  const file = compiled ? "../../dist/index.js" : "../../src/index.ts";
  const library = JSON.stringify(new URL(file, import.meta.url).href);
  const script = `import * as dllama from ${library};\nconst library = ${library};\n${text}`;
  const source = compiled ? [] : ["-C", "dllama-source", "--import", "tsx"];
  const args = [...flags, ...source, "--input-type=module"];
  const child = spawn(process.execPath, [...args, "-e", script], { timeout: TIMEOUT_MS });
  const ended: Ended = { code: null, signal: null, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (ended.stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (ended.stderr += chunk));
  return new Promise((resolve) => {
    child.once("close", (code, signal) => resolve({ ...ended, code, signal }));
  });
}
