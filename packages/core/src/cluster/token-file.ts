/**
 * The token that a user has stored: one line in a file that nobody else can read. Whoever has it can use
 * the user's workers and read along.
 */

import { randomBytes } from "node:crypto";
import { chmod, link, open, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { configFolder } from "../config-folder.ts";
import { DllamaError } from "../errors.ts";
import { makeFolder } from "../make-folder.ts";
import { decodeText } from "../parse-json.ts";
import { systemError } from "../system-error.ts";

const TOKEN_BYTES = 16;
/** A longer file is something else. */
const MAX_FILE_BYTES = 4096;
const READABLE_BY_OTHERS = 0o077;

/** Undefined for a user without a home folder, who cannot store one. */
export function storedTokenPath(): string | undefined {
  const folder = configFolder();
  return folder === undefined ? undefined : join(folder, "token");
}

/**
 * The stored token; undefined if there is none.
 *
 * @throws DllamaError TOKEN_INVALID if others can read the file; FILE_UNREADABLE.
 */
export async function readStoredToken(path: string): Promise<string | undefined> {
  try {
    return await readToken(path, { isPrivate: true });
  } catch (error) {
    if (error instanceof DllamaError && error.code === "FILE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** @throws DllamaError FILE_NOT_FOUND, FILE_UNREADABLE, TOKEN_INVALID. */
export async function readTokenFile(path: string): Promise<string> {
  return readToken(path, { isPrivate: false });
}

/** Stores a new token and returns it; or the one that another worker has stored at the same time. */
export async function createStoredToken(path: string): Promise<{ token: string; isNew: boolean }> {
  const token = randomBytes(TOKEN_BYTES).toString("hex");
  // Linked into place whole, and never over one that is there.
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await makeFolder(dirname(path), 0o700);
    await writeFile(draft, `${token}\n`, { mode: 0o600, flag: "wx" });
    // The umask may have taken bits away.
    await chmod(draft, 0o600);
    await link(draft, path);
    return { token, isNew: true };
  } catch (error) {
    const stored = isCode(error, "EEXIST") ? await readStoredToken(path) : undefined;
    if (stored !== undefined) return { token: stored, isNew: false };
    throw new DllamaError("FILE_UNREADABLE", `${path}: cannot store a token: ${String(error)}`, {
      hint: "Give a token in DLLAMA_TOKEN or with --token-file.",
      cause: error,
    });
  } finally {
    await rm(draft, { force: true }).catch(() => {});
  }
}

async function readToken(path: string, { isPrivate }: { isPrivate: boolean }): Promise<string> {
  let file;
  try {
    file = await open(path, "r");
    const { mode } = await file.stat();
    if (isPrivate && process.platform !== "win32" && (mode & READABLE_BY_OTHERS) !== 0) {
      throw new DllamaError("TOKEN_INVALID", `${path}: others can read this token`, {
        hint: `Run \`chmod 600 ${path}\`; if somebody may have read it, delete it, and a worker makes a new one.`,
      });
    }
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_FILE_BYTES + 1));
    if (bytesRead > MAX_FILE_BYTES) {
      throw new DllamaError(
        "TOKEN_INVALID",
        `${path}: expected a token, got more than ${MAX_FILE_BYTES} bytes`,
      );
    }
    return decodeText(buffer.subarray(0, bytesRead)).trim();
  } catch (error) {
    if (error instanceof DllamaError) throw error;
    throw systemError(path, "a token", error);
  } finally {
    await file?.close();
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
