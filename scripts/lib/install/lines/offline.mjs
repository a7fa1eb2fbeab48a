import { tellsStory } from "../commands.mjs";
import { packageManagers } from "../package-managers.mjs";

export default {
  name: "offline",
  what: "the second start, when the registry is gone",
  async run(stage) {
    const tools = await stage.tools();
    const registry = await stage.anotherRegistry();
    const starts = [];
    for (const { name, run, env, offline } of packageManagers) {
      if (offline === undefined) continue;
      const sandbox = await stage.sandbox({ registry: registry.address });
      const start = (flags) => (args) =>
        sandbox.start([...run(tools), ...flags, "@dllama/cli", ...args], { env });
      await tellsStory(start([]));
      starts.push({ name: [name, ...offline].join(" "), dllama: start(offline) });
    }
    await registry.stop();
    for (const { name, dllama } of starts) {
      stage.say(`${name}, offline ...`);
      await tellsStory(dllama);
    }
    return starts.map(({ name }) => name).join(", ");
  },
};
