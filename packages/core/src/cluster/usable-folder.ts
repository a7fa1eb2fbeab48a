/**
 * Whether a folder can be used, found out before anything depends on it. A folder on a mount whose server
 * is gone answers nothing at all: then nobody waits for it.
 */

import { access, constants, stat } from "node:fs/promises";

import { makeFolder } from "../make-folder.ts";

/** A disk that has to spin up takes several seconds. */
const PATIENCE_MS = 10_000;

interface Patience {
  /** Defaults to ten seconds. */
  patienceMs?: number;
}

/** Makes the folder if it is not there. Returns what keeps it from being used; undefined if nothing does. */
export async function folderProblem(
  folder: string,
  { patienceMs = PATIENCE_MS }: Patience = {},
): Promise<string | undefined> {
  const tryOut = async (): Promise<void> => {
    await makeFolder(folder);
    await access(folder, constants.W_OK | constants.X_OK);
  };
  try {
    if (await endsWithin(patienceMs, tryOut())) return undefined;
    return `${folder} has not answered for ${patienceMs / 1000} s: is its disk or server still there?`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The folder, unless asking for it gets no answer. It need not exist. */
export async function answeringFolder(
  folder: string | undefined,
  { patienceMs = PATIENCE_MS }: Patience = {},
): Promise<string | undefined> {
  if (folder === undefined) return undefined;
  const asked = stat(folder).catch(() => {});
  return (await endsWithin(patienceMs, asked)) ? folder : undefined;
}

/** Whether the work is done in time. What is not goes on unheeded. */
export async function endsWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}
