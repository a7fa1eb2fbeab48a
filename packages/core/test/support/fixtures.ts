import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The path of a file in the repository's fixtures. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../../../fixtures/${name}`, import.meta.url));
}

interface Answers {
  prompt: string;
  prompt_ids: number[];
  story: string;
  story_ids: number[];
  f32: { greedy_ids: number[]; greedy_text: string };
}

/** What an implementation must give for the model stories260K. */
export function expectedAnswers(): Answers {
  const answers: Answers = JSON.parse(readFileSync(fixture("stories260K/expected.json"), "utf8"));
  return answers;
}
