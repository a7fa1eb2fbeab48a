import { readFileSync } from "node:fs";
import { join } from "node:path";

import { tellsStory } from "../commands.mjs";
import { Container } from "../container.mjs";
import { instructions } from "../dockerfile.mjs";
import { ProofError } from "../programs.mjs";
import { missingRoot } from "../root-filesystem.mjs";
import { root } from "../../workspace.mjs";

/** What `docker stop`, systemd and people wait for without complaint. */
const MAX_END_MS = 2000;
/** As compose.yaml sets it for the root, which has no HOME either. */
const ROOT_ENV = ["XDG_CACHE_HOME=/var/cache"];
const EXACT = "--buffer-float-type f32 --kv-cache-type f32 --all-reduce direct --split equal";

export default {
  name: "container",
  what: "deploy/docker in a root file system: its steps, its user, a health check, a session, SIGTERM to PID 1",
  isOtherSystem: true,
  missing: missingRoot,
  async run(stage) {
    const dockerfile = readFileSync(join(root, "deploy/docker/Dockerfile"), "utf8");
    const container = await Container.make(stage, instructions(dockerfile));
    const worker = container.start();
    try {
      await worker.printed(/^Listening on \S+:9998$/m);
      await container.run(container.health).succeeds();
      const story = (args) =>
        container.run(["env", ...ROOT_ENV, "dllama", ...args, "--token-file", container.token]);
      await tellsStory(story, "--workers", "127.0.0.1:9998", ...EXACT.split(" "));
      await noticesAHang(container);
      const begin = performance.now();
      container.signal("SIGTERM");
      const { code, stderr } = await worker.ended;
      const ms = Math.round(performance.now() - begin);
      if (code !== 0) throw new ProofError(`SIGTERM ended the worker with ${code}:\n${stderr}`);
      if (ms > MAX_END_MS) throw new ProofError(`SIGTERM ended the worker after ${ms} ms`);
      return `uid 1000, no HOME, read-only; SIGTERM: exit code 0 after ${ms} ms`;
    } finally {
      container.signal("SIGKILL");
      await worker.ended;
    }
  },
};

/** The kernel accepts connections for a worker that is stopped: the check must see that nobody answers. */
async function noticesAHang(container) {
  container.signal("SIGSTOP");
  try {
    const said = await container.run(container.health).fails();
    if (!said.includes("nothing came")) throw new ProofError(`the health check said ${said}`);
  } finally {
    container.signal("SIGCONT");
  }
  await container.run(container.health).succeeds();
}
