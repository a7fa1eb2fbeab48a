import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { checkCommands } from "../commands.mjs";
import { libraryProgram } from "../library.mjs";
import { requireStory } from "../story.mjs";

export default {
  name: "runtimes",
  what: "Node 20.19, 22, 24 and Bun: library and CLI",
  async run(stage) {
    const { node, bun } = await stage.tools();
    const sandbox = await stage.project(["@dllama/cli", "@dllama/core"]);
    copyFileSync(libraryProgram, join(sandbox.folder, "program.mjs"));
    const versions = [];
    for (const runtime of [node(20), node(22), node(24), bun]) {
      const [version] = (await sandbox.run([runtime, "--version"])).split("\n");
      const name = runtime === bun ? `Bun ${version}` : `Node ${version.slice(1)}`;
      stage.say(`${name} ...`);
      requireStory(await sandbox.run([runtime, "program.mjs"]), `the library on ${name}`);
      const folder = join(sandbox.folder, name);
      mkdirSync(folder);
      const main = join(sandbox.folder, "node_modules/@dllama/cli/dist/main.js");
      await checkCommands((args) => sandbox.start([runtime, main, ...args]), { folder });
      versions.push(name);
    }
    return versions.join(", ");
  },
};
