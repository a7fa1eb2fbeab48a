/**
 * The surroundings of somebody who has Node and nothing else: an empty home, a PATH of a few links without
 * a compiler, and npm's settings for the local registry. Nothing of our own environment gets in.
 */

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { emptyFolder } from "./folders.mjs";
import { Program } from "./programs.mjs";

/** What the shell scripts that package managers write for a program call. */
const SYSTEM = ["basename", "dirname", "env", "readlink", "sed", "sh", "uname"];

export class Sandbox {
  /** Where the work is done; empty at first. */
  folder;
  env;

  /**
   * @param {string} registry the address of the registry
   * @param {Record<string, string>} programs paths by the name on PATH
   */
  constructor(registry, programs) {
    const top = emptyFolder("home");
    const [home, bin, temporary] = ["home", "bin", "tmp"].map((name) => join(top, name));
    this.folder = join(top, "work");
    for (const folder of [home, bin, temporary, this.folder]) mkdirSync(folder);
    for (const name of SYSTEM) symlinkSync(join("/usr/bin", name), join(bin, name));
    for (const [name, path] of Object.entries(programs)) symlinkSync(path, join(bin, name));
    writeFileSync(join(home, ".npmrc"), npmrc(registry));
    this.env = {
      HOME: home,
      PATH: bin,
      TMPDIR: temporary,
      NO_COLOR: "1",
      DLLAMA_TOKEN: "the token of a proof",
      YARN_NPM_REGISTRY_SERVER: registry,
      YARN_UNSAFE_HTTP_WHITELIST: "127.0.0.1",
      YARN_ENABLE_TELEMETRY: "0",
      // Yarn holds back what was published within the last day, as these were.
      YARN_NPM_PREAPPROVED_PACKAGES: "@dllama/*",
      BUN_CONFIG_REGISTRY: registry,
    };
  }

  /** @param {string[]} command */
  start(command, { cwd = this.folder, env = {} } = {}) {
    return new Program(command, { cwd, env: { ...this.env, ...env } });
  }

  /** Runs it to its end and returns its stdout; anything but success fails. */
  run(command, options) {
    return this.start(command, options).succeeds();
  }
}

/** Any token will do: npm publishes nothing without one. */
export function npmrc(registry) {
  return [
    `registry=${registry}`,
    `${registry.replace(/^http:/, "")}/:_authToken=anybody`,
    "update-notifier=false",
    "fund=false",
    "audit=false",
    "",
  ].join("\n");
}
