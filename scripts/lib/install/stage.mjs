/** What lines share: made when the first of them asks for it. */

import { startRegistry } from "./registry.mjs";
import { RootFilesystem } from "./root-filesystem.mjs";
import { Sandbox } from "./sandbox.mjs";
import { packAll, tarballsIn } from "./tarballs.mjs";
import { installNodeForArm64, installTools } from "./tools.mjs";

export class Stage {
  /** Tells people what takes time. */
  say;
  #packed;
  #tarballs;
  #tools;
  #registry;

  /**
   * @param {object} options
   * @param {string} [options.packed] a folder of tarballs. Defaults to this checkout, packed
   * @param {(line: string) => void} options.say
   */
  constructor({ packed, say }) {
    this.#packed = packed;
    this.say = say;
  }

  tarballs() {
    this.#tarballs ??= this.#packed === undefined ? packAll() : tarballsIn(this.#packed);
    return this.#tarballs;
  }

  tools() {
    this.#tools ??= installTools(this.say);
    return this.#tools;
  }

  async registry() {
    this.#registry ??= this.anotherRegistry();
    return (await this.#registry).address;
  }

  /** One that a line may stop. */
  async anotherRegistry() {
    return startRegistry(await this.tools(), await this.tarballs());
  }

  /** Somebody with a certain Node, and nothing else, in an empty folder. */
  async sandbox({ node = 22, registry } = {}) {
    const tools = await this.tools();
    return new Sandbox(registry ?? (await this.registry()), { node: tools.node(node) });
  }

  /** A sandbox whose folder has these packages installed, with the newest of our dependencies. */
  async project(packages, options) {
    const sandbox = await this.sandbox(options);
    const { script } = await this.tools();
    const npm = ["node", script("npm/bin/npm-cli.js")];
    await sandbox.run([...npm, "install", "--ignore-scripts", ...packages]);
    return sandbox;
  }

  /** Another system, with Node and npm. */
  async system(suite, architecture) {
    const { node, script } = await this.tools();
    return RootFilesystem.make({
      suite,
      architecture,
      node: architecture === "arm64" ? await installNodeForArm64(this.say) : node(22),
      npm: script("npm"),
      registry: await this.registry(),
    });
  }

  arm64System() {
    return this.system("bookworm", "arm64");
  }

  async end() {
    await (await this.#registry)?.stop();
  }
}
