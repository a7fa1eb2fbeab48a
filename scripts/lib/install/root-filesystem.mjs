/**
 * A Debian system in a folder, with Node and npm and nothing else: essential packages, unpacked. Their
 * maintainers' scripts are not run, so that an arm64 one takes seconds to make.
 */

import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { run } from "../children.mjs";
import { runArm64Programs } from "./binfmt.mjs";
import { cachedFolder, emptyFolder } from "./folders.mjs";
import { Program, ProofError } from "./programs.mjs";
import { npmrc } from "./sandbox.mjs";

/** What Node is linked to beside the C library. */
const LIBRARIES = "libstdc++6,libatomic1";
/** Some 60 packages over a slow network. */
const TIMEOUT_MS = 600_000;

/** Mounts are those of a namespace, and go away with the programs in it. */
const ENTER = `
for folder in proc sys dev; do mount --rbind /$folder "$1/$folder"; done
exec chroot "$@"`;

/** What this machine lacks for one; undefined if nothing. */
export function missingRoot() {
  if (process.getuid?.() !== 0) return "needs root, for chroot";
  const programs = ["mmdebstrap", "chroot", "unshare"];
  const folders = ["/usr/bin", "/usr/sbin"];
  const lacks = programs.find((name) => !folders.some((folder) => existsSync(join(folder, name))));
  return lacks === undefined ? undefined : `needs ${lacks}`;
}

export class RootFilesystem {
  /** The system's root, as we see it. */
  folder;
  #env;

  /**
   * @param {object} options
   * @param {"bookworm" | "bullseye"} options.suite
   * @param {"arm64" | "amd64"} options.architecture
   * @param {string} options.node the path of a Node for it
   * @param {string} options.npm the path of npm's package
   * @param {string} options.registry
   * @param {Record<string, string>} [options.env] variables of the programs in it
   */
  static async make({ suite, architecture, node, npm, registry, env = {} }) {
    if (architecture === "arm64") runArm64Programs();
    const pristine = await pristineSystem(suite, architecture);
    const system = new RootFilesystem();
    system.folder = emptyFolder(`${suite}-${architecture}`);
    await must(["cp", "--archive", "--reflink=auto", `${pristine}/.`, system.folder]);
    copyFileSync(node, join(system.folder, "usr/bin/node"));
    mkdirSync(join(system.folder, "work"));
    cpSync(npm, join(system.folder, "usr/lib/node_modules/npm"), { recursive: true });
    writeFileSync(join(system.folder, "root/.npmrc"), npmrc(registry));
    const PATH = "/usr/local/bin:/usr/bin:/bin";
    const own = { PATH, HOME: "/root", NO_COLOR: "1", DLLAMA_TOKEN: "the token of a proof" };
    system.#env = { ...own, ...env };
    return system;
  }

  /** Starts a program in it. */
  start(command, env = {}) {
    const within = ["/usr/bin/unshare", "--mount", "/bin/sh", "-ec", ENTER, "sh", this.folder];
    // The working folder of a chroot is its root.
    return new Program([...within, ...command], {
      cwd: "/",
      env: { ...this.#env, PATH: `/usr/sbin:${this.#env.PATH}`, ...env },
    });
  }

  /** Installs the program as its users do. */
  async installDllama() {
    const npm = ["node", "/usr/lib/node_modules/npm/bin/npm-cli.js"];
    const flags = ["--global", "--prefix", "/usr/local"];
    await this.start([...npm, "install", ...flags, "@dllama/cli"]).succeeds();
  }
}

function pristineSystem(suite, architecture) {
  const includes = ["--include=?essential", `--include=${LIBRARIES}`];
  const what = ["--variant=extract", `--architectures=${architecture}`, ...includes, suite];
  return cachedFolder(`${suite}-${architecture}`, what.join(" "), async (target) => {
    await must(["mmdebstrap", "--quiet", ...what, target, ...mirror()]);
  });
}

/** The mirror that this machine uses, if it is a Debian; otherwise mmdebstrap knows one. */
function mirror() {
  const sources = "/etc/apt/sources.list.d/debian.sources";
  if (!existsSync(sources)) return [];
  const [, first] = /^URIs: *(\S+)/m.exec(readFileSync(sources, "utf8")) ?? [];
  return first === undefined ? [] : [first];
}

async function must(command) {
  const ended = await run(command, { timeoutMs: TIMEOUT_MS });
  if (ended.problem) throw new ProofError(`${command[0]} ${ended.problem}:\n${ended.output}`);
}
