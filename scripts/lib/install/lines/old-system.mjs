import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { checkCommands } from "../commands.mjs";
import { missingRoot } from "../root-filesystem.mjs";

export default {
  name: "old-system",
  what: "Debian 11, as Raspberry Pi OS bullseye: inference, convert, worker, plan",
  isOtherSystem: true,
  missing: missingRoot,
  async run(stage) {
    const system = await stage.system("bullseye", "amd64");
    await system.installDllama();
    const version = await system.start(["node", "-p", GLIBC]).succeeds();
    mkdirSync(join(system.folder, "work/files"));
    await checkCommands((args) => system.start(["dllama", ...args]), {
      folder: join(system.folder, "work/files"),
      inside: "/work/files",
    });
    return `glibc ${version.trim()}`;
  },
};

const GLIBC = "process.report.getReport().header.glibcVersionRuntime";
