/**
 * Where the prompt comes from: --prompt, --file, piped stdin, or nowhere (generation then starts at
 * BOS).
 */

import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { addAbortSignal } from "node:stream";
import type { Readable } from "node:stream";
import { decodeText, DllamaError } from "@dllama/core";
import { UsageError } from "../args/usage-error.ts";
import { log } from "../output/log.ts";
import { formatBytes } from "../output/units.ts";
import { unreadable } from "./unreadable.ts";

/**
 * Far above the longest context of any model, far below what a device could not hold: stdin may be
 * endless.
 */
const MAX_PROMPT_BYTES = 16 * 2 ** 20;

/** After this without input a person may wonder why nothing happens. */
const NOTICE_AFTER_MS = 1000;

export interface PromptFlags {
  prompt: string | undefined;
  file: string | undefined;
}

/**
 * @throws UsageError when both flags are given
 * @throws DllamaError FILE_UNREADABLE when a source cannot be read, is too long or is not UTF-8;
 *   AbortError when the signal comes first
 */
export async function readPrompt(flags: PromptFlags, signal: AbortSignal): Promise<string> {
  if (flags.prompt !== undefined && flags.file !== undefined) {
    throw new UsageError("--prompt and --file exclude each other", "Give one of them.");
  }
  if (flags.prompt !== undefined) return flags.prompt;
  if (flags.file !== undefined && flags.file !== "-")
    return readText(createReadStream(flags.file), `the prompt file ${flags.file}`, signal);
  if (process.stdin.isTTY && flags.file === undefined) return "";
  const notice = setTimeout(() => {
    log.info("Reading the prompt from stdin until it ends; --prompt TEXT gives one instead.");
  }, NOTICE_AFTER_MS);
  try {
    return await readText(process.stdin, "the prompt on stdin", signal);
  } finally {
    clearTimeout(notice);
  }
}

async function readText(stream: Readable, name: string, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let nBytes = 0;
  try {
    const source: AsyncIterable<Buffer> = addAbortSignal(signal, stream);
    for await (const chunk of source) {
      chunks.push(chunk);
      nBytes += chunk.length;
      if (nBytes > MAX_PROMPT_BYTES) break;
    }
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw unreadable(`cannot read ${name}`, cause);
  }
  if (nBytes > MAX_PROMPT_BYTES) {
    throw new DllamaError(
      "FILE_UNREADABLE",
      `${name} is longer than ${formatBytes(MAX_PROMPT_BYTES)}`,
    );
  }
  const bytes = Buffer.concat(chunks);
  const isUtf16 =
    (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (!isUtf16 && !isUtf8(bytes)) {
    throw new DllamaError("FILE_UNREADABLE", `${name} is not UTF-8 text`, {
      hint: "Save it as UTF-8: iconv -f LATIN1 -t UTF-8 does it for a text of Western Europe.",
    });
  }
  // Editors and `echo` end a text with a line break that nobody means to feed to the model.
  return decodeText(bytes).replace(/\r?\n$/, "");
}
