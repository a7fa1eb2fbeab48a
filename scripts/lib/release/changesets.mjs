/** What the changesets of the next release say to people. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FRONT_MATTER = /^---\n[\s\S]*?\n---\n/;

/** @returns {string[]} the texts, in the order of their files' names */
export function readChangesets(folder) {
  const files = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "README.md");
  return files.toSorted().map((name) => {
    const text = readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n");
    const summary = text.replace(FRONT_MATTER, "").trim();
    if (!FRONT_MATTER.test(text) || summary === "") {
      throw new Error(
        `.changeset/${name}: expected packages between --- lines and a text for people below`,
      );
    }
    return summary;
  });
}
