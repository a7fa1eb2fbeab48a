import { copyFileSync } from "node:fs";
import { join } from "node:path";

import { libraryProgram, workerThreadsProgram } from "../library.mjs";
import { requireStory } from "../story.mjs";

export default {
  name: "threads",
  what: "the library in several worker threads, and again after they have ended",
  async run(stage) {
    const sandbox = await stage.project(["@dllama/core"]);
    copyFileSync(libraryProgram, join(sandbox.folder, "program.mjs"));
    copyFileSync(workerThreadsProgram, join(sandbox.folder, "threads.mjs"));
    const stories = JSON.parse(await sandbox.run(["node", "threads.mjs"]));
    for (const story of stories) requireStory(story, "a worker thread");
    return `${stories.length} threads, in two rounds`;
  },
};
