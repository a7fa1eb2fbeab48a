/**
 * Which token root and worker have in common, and where it comes from. It goes to the engine and nowhere
 * else: no error and no event has its text.
 */

import { DllamaError } from "../errors.ts";
import {
  createStoredToken,
  readStoredToken,
  readTokenFile,
  storedTokenPath,
} from "./token-file.ts";

export interface TrustOptions {
  /**
   * Any text of at least 16 bytes that root and workers have in common. Defaults to the environment's
   * DLLAMA_TOKEN, then to `tokenFile`, then to the one that this user has stored.
   */
  token?: string | undefined;
  /** A file with the token. Defaults to none. */
  tokenFile?: string | undefined;
  /**
   * No token, no encryption: everybody who reaches the port of a worker can use it and read along. Root
   * and workers have to agree on it. Defaults to `false`.
   */
  insecure?: boolean | undefined;
}

/** A token with the place that it was found in. */
export interface FoundToken {
  token: string;
  /** `created`: stored just now, because there was none. */
  origin: "option" | "environment" | "file" | "stored" | "created";
  /** Of `file`, `stored` and `created`. */
  path?: string;
}

/** As the addon takes it. */
export type NativeTrust = { token: string } | { insecure: true };

/** In bytes of UTF-8. */
const MIN_TOKEN_BYTES = 16;

/** Where neither XDG_CONFIG_HOME nor HOME is set, and the system knows no home of the user either. */
const NO_HOME = "this user has no home folder";

/**
 * A root's token, or that it uses none.
 *
 * @throws DllamaError TOKEN_MISSING, TOKEN_INVALID, INVALID_ARGUMENT, FILE_NOT_FOUND, FILE_UNREADABLE.
 */
export async function rootTrust(options: TrustOptions): Promise<NativeTrust> {
  if (isInsecure(options)) return { insecure: true };
  const found = await findToken(options);
  if (found !== undefined) return { token: found.token };
  const path = storedTokenPath();
  const missing = path === undefined ? NO_HOME : `${path} does not exist`;
  throw new DllamaError(
    "TOKEN_MISSING",
    `there is no token: DLLAMA_TOKEN is not set, and ${missing}`,
    {
      hint:
        "`dllama worker` makes a token when it is first started, and prints the line to run here. " +
        "Give it in DLLAMA_TOKEN or with --token-file, or use --insecure on all sides.",
    },
  );
}

/**
 * A worker's token, made and stored if there is none; undefined if it uses none.
 *
 * @throws DllamaError as `rootTrust`.
 */
export async function workerToken(options: TrustOptions): Promise<FoundToken | undefined> {
  if (isInsecure(options)) return undefined;
  const found = await findToken(options);
  if (found !== undefined) return found;
  const path = storedTokenPath();
  if (path === undefined) {
    throw new DllamaError(
      "TOKEN_MISSING",
      `there is no token: DLLAMA_TOKEN is not set, and ${NO_HOME} to store a new one in`,
      {
        hint: "Give one in DLLAMA_TOKEN or with --token-file, such as `openssl rand -hex 16` makes.",
      },
    );
  }
  const { token, isNew } = await createStoredToken(path);
  return { token: checked(token, path), origin: isNew ? "created" : "stored", path };
}

function isInsecure({ token, tokenFile, insecure = false }: TrustOptions): boolean {
  if (insecure && (token !== undefined || tokenFile !== undefined)) {
    throw new DllamaError("INVALID_ARGUMENT", "a token and insecure exclude each other", {
      hint: "Leave --insecure out: with a token traffic is encrypted.",
    });
  }
  return insecure;
}

async function findToken({ token, tokenFile }: TrustOptions): Promise<FoundToken | undefined> {
  if (token !== undefined) return { token: checked(token, "the option token"), origin: "option" };
  const named = (process.env["DLLAMA_TOKEN"] ?? "").trim();
  if (named !== "") return { token: checked(named, "DLLAMA_TOKEN"), origin: "environment" };
  if (tokenFile !== undefined) {
    const text = await readTokenFile(tokenFile);
    return { token: checked(text, tokenFile), origin: "file", path: tokenFile };
  }
  const path = storedTokenPath();
  if (path === undefined) return undefined;
  const stored = await readStoredToken(path);
  return stored === undefined
    ? undefined
    : { token: checked(stored, path), origin: "stored", path };
}

function checked(token: string, place: string): string {
  const nBytes = Buffer.byteLength(token);
  if (nBytes >= MIN_TOKEN_BYTES) return token;
  throw new DllamaError(
    "TOKEN_INVALID",
    `${place}: expected a token of at least ${MIN_TOKEN_BYTES} bytes, got ${nBytes}`,
    { hint: "A good one: `openssl rand -hex 16`, or the one that `dllama worker` makes." },
  );
}
