import { missingArm64 } from "../binfmt.mjs";
import { sharesWith } from "../commands.mjs";
import { missingRoot } from "../root-filesystem.mjs";

export default {
  name: "mixed",
  what: "an x64 root with an arm64 worker, and the other way round: the same text",
  isOtherSystem: true,
  missing: () => missingRoot() ?? missingArm64(),
  async run(stage) {
    const system = await stage.arm64System();
    await system.installDllama();
    const sandbox = await stage.project(["@dllama/cli"]);
    const main = "node_modules/@dllama/cli/dist/main.js";
    const x64 = (args) => sandbox.start(["node", main, ...args]);
    const arm64 = (args) => system.start(["dllama", ...args], { QEMU_CPU: "cortex-a76" });
    await sharesWith(x64, arm64);
    await sharesWith(arm64, x64);
    return "both ways";
  },
};
