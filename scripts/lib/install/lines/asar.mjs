import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { emptyFolder } from "../folders.mjs";
import { libraryProgram } from "../library.mjs";
import { ProofError } from "../programs.mjs";
import { requireStory } from "../story.mjs";

/** What docs/installing.md says, and what errors name. */
const UNPACKED = "**/node_modules/@dllama/**";
const SHIM = fileURLToPath(new URL("../asar-shim.mjs", import.meta.url));

export default {
  name: "asar",
  what: "an app in an asar archive: runs with asarUnpack; without, the error names it",
  async run(stage) {
    const { script } = await stage.tools();
    const library = script("@electron/asar/lib/asar.js");
    const { createPackageWithOptions } = await import(pathToFileURL(library).href);
    const sandbox = await stage.project(["@dllama/core"]);
    copyFileSync(libraryProgram, join(sandbox.folder, "main.mjs"));
    const start = (archive) =>
      sandbox.start(["node", "--import", SHIM, join(archive, "main.mjs")], {
        env: { ASAR_LIBRARY: library, ASAR_ARCHIVE: archive },
      });

    const archives = emptyFolder("asar");
    const [unpacked, packed] = ["unpacked", "packed"].map((name) =>
      join(archives, name, "app.asar"),
    );
    await createPackageWithOptions(sandbox.folder, unpacked, { unpack: UNPACKED });
    await createPackageWithOptions(sandbox.folder, packed, {});
    rmSync(join(sandbox.folder, "node_modules"), { recursive: true });
    requireStory(await start(unpacked).succeeds(), "the archive");
    const stderr = await start(packed).fails();
    if (!stderr.includes(`"asarUnpack": ["${UNPACKED}"]`)) {
      throw new ProofError(`The error does not name asarUnpack:\n${stderr}`);
    }
    return "as Electron would show it, on Node";
  },
};
