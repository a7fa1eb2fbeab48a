/** The text that the embedded model writes greedily, as a reference in numpy has written it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "../workspace.mjs";
import { ProofError } from "./programs.mjs";

export const PROMPT = "Once upon a time";
export const STEPS = 32;

/** 32 tokens of the model have more. */
const MIN_LENGTH = 64;

const file = join(root, "fixtures/stories260K/expected.json");
const { greedy_text: wholeStory } = JSON.parse(readFileSync(file, "utf8")).f32;

/** Throws unless a text is the story's beginning, less the prompt. */
export function requireStory(text, who) {
  const told = text.replace(/\n$/, "");
  if (told.length >= MIN_LENGTH && wholeStory.startsWith(PROMPT + told)) return;
  const expected = wholeStory.slice(PROMPT.length, PROMPT.length + 200);
  throw new ProofError(
    `${who} told ${JSON.stringify(told)}\nin place of ${JSON.stringify(expected)}`,
  );
}
