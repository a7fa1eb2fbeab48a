import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { bundlers } from "../bundlers.mjs";
import { emptyFolder } from "../folders.mjs";
import { libraryProgram } from "../library.mjs";
import { ProofError } from "../programs.mjs";
import { requireStory } from "../story.mjs";

export default {
  name: "bundlers",
  what: "a bundled app: runs with the documented externals; without, the error names the line to add",
  async run(stage) {
    const tools = await stage.tools();
    const sandbox = await stage.project(["@dllama/core"]);
    const entry = join(sandbox.folder, "program.mjs");
    copyFileSync(libraryProgram, entry);
    const bundles = [];
    for (const { name, bundle, line } of bundlers) {
      stage.say(`${name} ...`);
      const file = name.includes("CommonJS") ? "bundle.cjs" : "bundle.mjs";
      const output = join(sandbox.folder, file);
      await bundle(tools, { entry, output, isExternal: true });
      requireStory(await sandbox.run(["node", output]), `the bundle of ${name}`);

      const alone = join(emptyFolder("bundle"), file);
      await bundle(tools, { entry, output: alone, isExternal: false });
      bundles.push({ name, line, alone });
    }
    // A bundle is shipped to machines that lack what it was made of, and some know its absolute path.
    rmSync(join(sandbox.folder, "node_modules"), { recursive: true });
    for (const { name, line, alone } of bundles) {
      // Node prints the hint as a quoted string.
      const stderr = (await sandbox.start(["node", alone]).fails()).replaceAll("\\\\", "\\");
      if (!stderr.includes(line)) {
        throw new ProofError(`The error of ${name} does not name \`${line}\`:\n${stderr}`);
      }
    }
    return bundlers.map(({ name }) => name).join(", ");
  },
};
