/** Whether `inference`, `convert`, `worker` and `plan` work for somebody who calls them in a certain way. */

import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";

import { root } from "../workspace.mjs";
import { ProofError } from "./programs.mjs";
import { PROMPT, requireStory, STEPS } from "./story.mjs";

const words = (text) => text.split(" ");

/** Exact sums and cache: any number of ranks writes the same text. */
const EXACT = words(
  "--buffer-float-type f32 --kv-cache-type f32 --all-reduce direct --split equal",
);

const GREEDY = `--temperature 0 --nthreads 1 --steps ${STEPS}`;

const story = (...flags) => [
  ...words(`inference --quiet --format text ${GREEDY} --prompt`),
  PROMPT,
  ...flags,
];

/**
 * @typedef {(args: string[]) => import("./programs.mjs").Program} Dllama starts the program
 */

/**
 * @param {Dllama} dllama
 * @param {object} files
 * @param {string} files.folder an empty folder, as we see it
 * @param {string} [files.inside] the same folder as the program sees it. Defaults to `folder`
 */
export async function checkCommands(dllama, { folder, inside = folder }) {
  await tellsStory(dllama);
  await converts(dllama, folder, inside);
  await sharesWith(dllama, dllama);
  await plans(dllama);
}

export async function tellsStory(dllama, ...flags) {
  requireStory(await dllama(story(...flags)).succeeds(), "inference");
}

async function converts(dllama, folder, inside) {
  cpSync(join(root, "fixtures/stories260K/meta"), join(folder, "story"), { recursive: true });
  await dllama(["convert", "--quiet", join(inside, "story"), "f32"]).succeeds();
  if (!existsSync(join(folder, "story-f32.gguf"))) throw new ProofError("convert wrote no model");
  await tellsStory(dllama, "--model", join(inside, "story-f32.gguf"));
}

/** A root and a worker, which may be started in different ways. */
export async function sharesWith(rootDllama, workerDllama) {
  const where = ["--host", "127.0.0.1", "--port", "0", "--nthreads", "1", "--no-cache"];
  const worker = workerDllama(["worker", ...where]);
  try {
    const [, address] = await worker.printed(/^Listening on (\S+)$/m);
    await tellsStory(rootDllama, "--workers", address, ...EXACT);
  } finally {
    await worker.stop();
  }
}

async function plans(dllama) {
  const devices = ["--devices", "pi4:8gib,pi4:8gib,pi5"];
  const flags = ["--shape", "llama2-7b", ...devices, "--format", "json"];
  const plan = JSON.parse(await dllama(["plan", ...flags]).succeeds());
  if (plan.worldSize === 3 && plan.tokensPerSecond > 0) return;
  throw new ProofError(`plan gave ${JSON.stringify(plan)}`);
}
