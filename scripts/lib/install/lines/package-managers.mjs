import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { checkCommands } from "../commands.mjs";
import { packageManagers } from "../package-managers.mjs";

export default {
  name: "package-managers",
  what: "pnpm dlx, npx, yarn dlx, bunx: inference, convert, worker, plan",
  async run(stage) {
    const tools = await stage.tools();
    for (const { name, run, env } of packageManagers) {
      stage.say(`${name} ...`);
      const sandbox = await stage.sandbox();
      const folder = join(sandbox.folder, "files");
      mkdirSync(folder);
      const dllama = (args) => sandbox.start([...run(tools), "@dllama/cli", ...args], { env });
      await checkCommands(dllama, { folder });
    }
    return packageManagers.map(({ name }) => name).join(", ");
  },
};
