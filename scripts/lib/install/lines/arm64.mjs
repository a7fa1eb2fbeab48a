import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { missingArm64 } from "../binfmt.mjs";
import { checkCommands } from "../commands.mjs";
import { missingRoot } from "../root-filesystem.mjs";

/** Raspberry Pi 4's core, and 5's, which has the dot product. */
const CORES = ["cortex-a72", "cortex-a76"];

export default {
  name: "arm64",
  what: "an arm64 Debian with Node and nothing else: inference, convert, worker, plan",
  isOtherSystem: true,
  missing: () => missingRoot() ?? missingArm64(),
  async run(stage) {
    const system = await stage.arm64System();
    await system.installDllama();
    for (const core of CORES) {
      stage.say(`${core} ...`);
      mkdirSync(join(system.folder, "work", core));
      await checkCommands((args) => system.start(["dllama", ...args], { QEMU_CPU: core }), {
        folder: join(system.folder, "work", core),
        inside: `/work/${core}`,
      });
    }
    return `qemu's ${CORES.join(" and ")}`;
  },
};
